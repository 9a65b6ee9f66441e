"""Rows that a person adds stand beside what the client sends and never in its way."""

from __future__ import annotations

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import add_history
from tests.runs.history.sending import complete, facts, rows_from, send, steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def test_a_client_at_work_loses_none_of_its_lines(run: Run, by: Actor) -> None:
    send(run, 0, rows_from(0, 3))
    assert add_history(run, rows_from(100, 2), by=by) == 3
    send(run, 3, rows_from(3, 2))
    assert add_history(run, rows_from(102, 1), by=by) == 7
    send(run, 4, rows_from(4, 3))
    send(run, 4, rows_from(4, 3))

    assert steps(run) == [*range(7), 100, 101, 102]
    assert facts(run)["history_lines"] == 10


@pytest.mark.parametrize("compacted", [False, True])
def test_a_client_that_resumes_goes_on_after_all_lines(run: Run, by: Actor, compacted: bool) -> None:
    send(run, 0, rows_from(0, 3))
    add_history(run, rows_from(3, 2), by=by)
    if compacted:
        store.compact(run)

    send(run, 5, rows_from(5, 2))
    add_history(run, rows_from(7, 1), by=by)
    send(run, 7, rows_from(8, 2))

    assert steps(run) == [*range(10)]
    store.rewind(run, last_step=3)
    send(run, 4, rows_from(4, 1))
    assert steps(run) == [*range(5)]


@pytest.mark.parametrize(("state", "code"), [("failed", 3), ("crashed", None), ("running", None)])
def test_the_end_of_a_run_and_its_heartbeat_stay(run: Run, by: Actor, state: str, code: int | None) -> None:
    send(run, 0, rows_from(0, 1))
    Run.objects.update(state=state, exit_code=code)
    before = facts(run) | {"heartbeat_at": Run.objects.get().heartbeat_at}

    add_history(run, rows_from(1, 1), by=by)

    after = facts(run) | {"heartbeat_at": Run.objects.get().heartbeat_at}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"history_lines", "version", "sealed_keys"}


def test_a_shared_run_does_not_wait_for_the_person(run: Run, by: Actor) -> None:
    send(run, 0, rows_from(0, 1), writer="a")
    add_history(run, rows_from(1, 1), by=by)

    assert complete(run, writer="a") == "finished"
