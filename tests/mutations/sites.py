"""Every gate call of the code, read from its source: where it stands, how it reads, and the source with a switch in it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

APPS = Path(__file__).parents[2] / "apps"
# Whoever imports one of these asks who may: what stands in front of a call of it is under a gate.
GATES = {
    "apps.teams.gate": None,  # all of it
    "apps.projects.gate": None,
    "apps.accounts.services": {"require_all_rights"},
    "apps.accounts.queries": {"require_operator"},
    "apps.teams.services.places": {"require_person"},
    "apps.teams.services.entities": {"require_may_create_team"},
    "apps.teams.queries": {"hidden_from"},
    "apps.teams.queries.hiding": {"hidden_from"},
}
_NO_QUESTIONS = {"refusal", "visibilities_of"}  # a sentence, and what a page says of a project
# Where permissions are named and not asked for, or where the gate itself stands. The demo's people do what they may, by a command.
_NOT_ASKED = (
    "access/",
    "demo/",
    "web/rules.py",
    "api/rules.py",
    "wandb_protocol/access.py",
    "projects/readings.py",
)
ASKED = "_asked_of_the_gate"


@dataclass(frozen=True, order=True)
class Site:
    """One gate call. Its name stays when other lines of the file change."""

    module: str
    function: str
    text: str
    turn: int = 1  # of calls that read the same in one function

    def __str__(self) -> str:
        return f"{self.module} {self.function}: {self.text}" + (f" #{self.turn}" if self.turn > 1 else "")


class _Wrap(ast.NodeTransformer):
    """`call` becomes `_asked_of_the_gate(N, lambda: call)`."""

    def __init__(self, module: str, tree: ast.Module, first: int) -> None:
        self.module, self.above, self.first = module, list[str](), first
        self.sites: list[Site] = []
        self.counts: Counter[Site] = Counter()
        self.names = _gate_names(module, tree)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.above.append(node.name)
        node.body = [self.visit(each) for each in node.body]
        self.above.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        # Decorators and default values are made once, when nobody asks.
        return self.visit_ClassDef(node)  # type: ignore[arg-type]

    def visit_Call(self, node: ast.Call) -> ast.AST:
        text = ast.unparse(node)
        is_gate = isinstance(node.func, ast.Name) and node.func.id in self.names
        self.generic_visit(node)
        if not self.above or not (is_gate or _names_a_permission(node)):
            return node
        same = Site(self.module, ".".join(self.above), text)
        self.counts[same] += 1
        self.sites.append(Site(same.module, same.function, text, self.counts[same]))
        nothing = ast.arguments([], [], None, [], [], None, [])
        wrapped = ast.Call(
            func=ast.Name(ASKED, ast.Load()),
            args=[ast.Constant(self.first + len(self.sites) - 1), ast.Lambda(args=nothing, body=node)],
            keywords=[],
        )
        return ast.fix_missing_locations(ast.copy_location(wrapped, node))


def _gate_names(module: str, tree: ast.Module) -> set[str]:
    own = GATES.get(module) or set()
    return own | {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in GATES
        for alias in node.names
        if alias.name in (GATES[node.module] or {alias.name}) - _NO_QUESTIONS
    }


def _names_a_permission(node: ast.Call) -> bool:
    return any(
        isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "Permission"
        for given in [*node.args, *(keyword.value for keyword in node.keywords)]
        for each in ([given.body, given.orelse] if isinstance(given, ast.IfExp) else [given])
    )


@dataclass(frozen=True)
class Source:
    """A module with a switch at each of its gate calls."""

    path: Path
    module: str
    tree: ast.Module
    sites: tuple[Site, ...]


@cache
def sources() -> tuple[Source, ...]:
    """Every module of the code that asks a gate."""
    found: list[Source] = []
    for path, module in _modules():
        tree = ast.parse(path.read_bytes())
        wrap = _Wrap(module, tree, sum(len(each.sites) for each in found))
        wrapped = wrap.visit(tree)
        if wrap.sites:
            found.append(Source(path, module, wrapped, tuple(wrap.sites)))
    return tuple(found)


def _modules() -> Iterator[tuple[Path, str]]:
    for path in sorted(APPS.rglob("*.py")):
        inside = path.relative_to(APPS).as_posix()
        module = "apps." + inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if not inside.startswith(_NOT_ASKED) and module not in {"apps.teams.gate", "apps.projects.gate"}:
            yield path, module


def sites() -> list[Site]:
    return [site for source in sources() for site in source.sites]
