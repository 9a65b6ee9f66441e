"""Switches in the code that runs: while one is off, whatever that one gate call asks is allowed.

The functions that ask are given, for a while, the code of the same source with a switch at each gate call. Nothing is
imported anew and nothing of the code is edited.
"""

from __future__ import annotations

import ast
import gc
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tests.mutations.sites import ASKED, sources

# What each gate answers to everybody while a call of it is taken out.
OPEN: dict[str, dict[str, str]] = {
    "apps.access.policy": {"allows": "True"},
    "apps.teams.gate": {
        "may": "True",
        "those_where": "list(entities)",
        "require": "None",
        "require_open": "None",
        "require_in_organisation": "None",
        "require_at": "None",
        "role_in": "Role.ADMIN",
        "roles_in": "{each.pk: Role.ADMIN for each in entities}",
        "role_in_organisation": "Role.ADMIN",
    },
    "apps.projects.gate": {
        "may": "True",
        "where_may": "{each.pk for each in projects}",
        "those_allowed": "frozenset(permissions)",
        "require": "None",
        "require_each": "None",
        "listed": "list(projects)",
        "readable": "list(projects)",
        "role_in_project": "Role.ADMIN",
        "roles_in_projects": "{each.pk: Role.ADMIN for each in projects}",
        "kept_to_own_people": "set()",
        "working_links": "ShareLink.objects.all()",
        "standing_links": "ShareLink.objects.all()",
    },
    "apps.accounts.services": {"require_all_rights": "None"},
    "apps.accounts.queries": {"require_operator": "None"},
    "apps.teams.services.places": {"require_person": "None"},
    "apps.teams.services.entities": {"require_may_create_team": "None"},
    "apps.teams.queries.hiding": {"hidden_from": "set()"},
}
_IS_OPEN = "_is_the_gate_open"
_open: ContextVar[bool] = ContextVar("open", default=False)
reached: set[int] = set()
_off: frozenset[int] = frozenset()


def _asked(number: int, call: Callable[[], Any]) -> Any:
    reached.add(number)
    if number not in _off:
        return call()
    token = _open.set(True)
    try:
        return call()
    finally:
        _open.reset(token)


@contextmanager
def off(*numbers: int) -> Iterator[None]:
    global _off
    _off = frozenset(numbers)
    try:
        yield
    finally:
        _off = frozenset()


@contextmanager
def installed() -> Iterator[None]:
    """Within, `off` takes a call out and `reached` says which were asked."""
    before: list[tuple[FunctionType, CodeType]] = []
    rewritten = list(_rewritten())  # imports them all
    functions = _functions()
    try:
        for path, module, tree in rewritten:
            made = {
                (code.co_qualname, code.co_firstlineno): code for code in _codes(compile(tree, path, "exec"))
            }
            for function in functions.get(path, ()):
                code = made.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
                if code is not None and len(code.co_freevars) == len(function.__code__.co_freevars):
                    before.append((function, function.__code__))
                    function.__code__ = code
            names = vars(import_module(module))
            names[ASKED], names[_IS_OPEN] = _asked, _open.get
        yield
    finally:
        for function, code in before:
            function.__code__ = code


def _rewritten() -> Iterator[tuple[str, str, ast.Module]]:
    """Of each module that asks or answers: the source with switches, and with the open answers."""
    wrapped = {source.module: source for source in sources()}
    for name in sorted({*wrapped, *OPEN}):
        module = import_module(name)
        path = inspect.getsourcefile(module) or ""
        tree = wrapped[name].tree if name in wrapped else ast.parse(Path(path).read_bytes())
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name in OPEN.get(name, ()):
                _open_door(node, OPEN[name][node.name])
        yield path, name, ast.fix_missing_locations(tree)


def _open_door(node: ast.FunctionDef, answer: str) -> None:
    door = ast.parse(f"if {_IS_OPEN}(): return {answer}").body[0]
    if not any(isinstance(each, ast.If) and _IS_OPEN in ast.unparse(each.test) for each in node.body):
        node.body.insert(1 if ast.get_docstring(node) is not None else 0, door)


def _functions() -> dict[str, list[FunctionType]]:
    """All that there are. Those of before the collection of tests are frozen by then (tests/conftest.py), and not among the objects."""
    found: dict[str, list[FunctionType]] = {}
    gc.unfreeze()
    for each in gc.get_objects():
        if type(each) is FunctionType:
            found.setdefault(each.__code__.co_filename, []).append(each)
    gc.freeze()
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from _codes(each)
