"""Every gate call of the code is seen when it is taken out. `make mutations` looks for what sees it, and writes it down."""

from __future__ import annotations

import ast
import itertools
import logging
from collections.abc import Iterator

import pytest

from apps.access.policy import Permission, Role, Scope, Visibility, allows
from tests.matrix.measure import Measure
from tests.matrix.world import make_world
from tests.mutations import switches
from tests.mutations.answers import ANSWERS
from tests.mutations.checks import Checks, red
from tests.mutations.direct import ACTS, UNASKED
from tests.mutations.recorded import AGAIN, EQUAL, read_seen
from tests.mutations.sites import APPS, sites

P = Permission
_ADD = "Run `make mutations ONLY={module}` and commit tests/mutations/seen.tsv; unseen: a line in ACTS or ANSWERS (docs/mutations.md)."


def test_every_gate_call_of_the_code_is_recorded_as_seen_or_named_with_its_reason() -> None:
    there, known = {str(site): site for site in sites()}, {*read_seen(), *EQUAL}

    new = [f"{name}\n  {_ADD.format(module=there[name].module)}" for name in there if name not in known]
    assert not new, "Gate calls of which nobody knows who sees them taken out:\n" + "\n".join(new)
    gone = sorted({*known, *AGAIN.values()} - set(there))
    assert not gone, (
        "No longer in the code. Run `make mutations ONLY=-` and look at EQUAL and AGAIN:\n" + "\n".join(gone)
    )
    assert len(EQUAL) <= 10, (
        "More and more that nobody can see: write a test that does, or take the call out."
    )


@pytest.mark.promise("P-24")
def test_the_recorded_check_goes_red_when_its_gate_call_is_taken_out(db: None) -> None:
    numbers = {str(site): number for number, site in enumerate(sites())}
    checks, unseen = Checks(Measure(make_world())), []
    logging.disable(logging.CRITICAL)
    try:
        with switches.installed():
            for name, check in read_seen().items():
                with switches.off(*(numbers[each] for each in (name, AGAIN.get(name)) if each)):
                    unseen += [] if check in checks.all and red(checks, check) else [f"{name}: {check}"]
    finally:
        logging.disable(logging.NOTSET)

    assert not unseen, "Taken out, and seen no more. Run `make mutations`:\n" + "\n".join(unseen)


def test_no_permission_stands_in_a_default_where_its_gate_call_cannot_be_seen() -> None:
    hidden = [
        f"{path.relative_to(APPS)}:{default.lineno}"
        for path in sorted(APPS.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.arguments)
        for default in [*node.defaults, *node.kw_defaults]
        if default is not None and ast.unparse(default).startswith("Permission.")
    ]

    assert hidden == [], (
        "Name the permission in each call, please: a call that names none is not taken out here."
    )


def test_whoever_may_the_one_may_the_other() -> None:
    """So that asking for the other, too, makes no difference that anybody could see: EQUAL, and what is not asked at all."""
    implied = [
        (P.PROJECT_CREATE, P.PROJECT_READ, False),
        (P.PROJECT_WRITE, P.PROJECT_READ, False),
        (P.RUN_CREATE, P.RUN_READ, False),
        (P.RUN_WRITE, P.RUN_READ, False),
        (P.RUN_CREATE, P.RUN_WRITE, True),
        (P.PROJECT_READ, P.FILE_READ, False),
        (P.PROJECT_SHARE, P.PROJECT_ERASE, False),
        # Pages of a run offer to erase its files to who may erase the run.
        (P.RUN_ERASE, P.FILE_ERASE, False),
    ]
    for role, visibility, scope in itertools.product(Role, Visibility, Scope):
        for first, then, is_own in implied:
            if allows(first, role=role, visibility=visibility, scope=scope):
                assert allows(then, role=role, visibility=visibility, scope=scope, is_own=is_own)


def test_every_service_and_query_that_takes_who_acts_is_called_as_everybody_or_says_why_it_asks_nobody() -> (
    None
):
    called = {
        name.split(" ")[0] for name in (*(act.name for act in ACTS), *(answer.name for answer in ANSWERS))
    }
    unasked = set(" ".join(UNASKED.values()).split())
    there = set(_takers())

    assert there - called - unasked == set(), "A line in ACTS, ANSWERS or UNASKED of tests/mutations, please."
    assert unasked - there == set()
    assert unasked & called == set()


def _takers() -> Iterator[str]:
    """Public functions of the rooms `services` and `queries` with a parameter of the type Actor."""
    for path in sorted(APPS.rglob("*.py")):
        room = path.relative_to(APPS).with_suffix("").as_posix()
        if not {"services", "queries"} & set(room.split("/")):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _takes_actor(node):
                yield f"{path.stem}.{node.name}"


def _takes_actor(node: ast.FunctionDef) -> bool:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return any(each.annotation is not None and ast.unparse(each.annotation) == "Actor" for each in given)
