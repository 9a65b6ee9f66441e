"""What a person adds to a run, beside what its client sends."""

from __future__ import annotations

import math

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import jsontext
from apps.core.errors import Invalid
from apps.runs import services, silence
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.services import add_history, set_summary, update_run
from apps.runs.types import Lines, RunPatch, RunState, Stream, StreamRequest

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def summary_of(run: Run) -> dict[str, object]:
    run.refresh_from_db()
    found: dict[str, object] = jsontext.loads(open_run(run).summary_text)
    return found


def test_rows_may_set_the_summary_to_their_last_values(run: Run, by: Actor) -> None:
    update_run(run, RunPatch(summary_text='{"best": 1, "loss": 9}'), by=by)

    rows = ['{"loss": 2, "_timestamp": 1}', '{"acc": NaN, "loss": 1, "_timestamp": 2}']
    add_history(run, rows, by=by, sets_summary=True)

    summary = summary_of(run)
    assert math.isnan(summary.pop("acc"))  # type: ignore[arg-type]
    assert summary == {"best": 1, "loss": 1, "_timestamp": 2, "_step": 1}


def test_rows_leave_the_summary_alone_unless_asked(run: Run, by: Actor) -> None:
    add_history(run, ['{"loss": 2}'], by=by)

    assert summary_of(run) == {}


def test_the_client_that_goes_on_loses_none_of_its_lines(run: Run, by: Actor) -> None:
    def send(first: int, *lines: str) -> None:
        store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(first, lines)}))

    send(0, '{"_step":0,"a":0}', '{"_step":1,"a":1}')
    add_history(run, ['{"by": "hand"}'], by=by, sets_summary=True)
    send(2, '{"_step":2,"a":2}')

    run.refresh_from_db()
    rows = list(store.scan(run, Stream.HISTORY))
    assert sorted(row["a"] for row in rows if "a" in row) == [0, 1, 2]
    assert [row["_step"] for row in rows if "by" in row] == [2]


def test_a_summary_is_set_value_by_value(run: Run, by: Actor) -> None:
    update_run(run, RunPatch(summary_text='{"best": {"loss": 1}, "epoch": 3}'), by=by)

    set_summary(run, {"best": {"acc": 2}, "note": "done"}, by=by)

    assert summary_of(run) == {"best": {"acc": 2}, "epoch": 3, "note": "done"}


def test_a_summary_too_large_is_refused_whole(run: Run, by: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_MOST_SEALED_TEXT", 40)
    set_summary(run, {"a": "x" * 20}, by=by)

    with pytest.raises(Invalid):
        set_summary(run, {"b": "y" * 20}, by=by)

    assert summary_of(run) == {"a": "x" * 20}


def test_an_open_run_without_a_client_is_not_taken_for_crashed(run: Run, by: Actor) -> None:
    update_run(run, RunPatch(state=RunState.PENDING), by=by)
    Run.objects.filter(pk=run.pk).update(heartbeat_at="2020-01-01T00:00:00Z")

    silence.mark_silent_runs()

    run.refresh_from_db()
    assert run.state == RunState.PENDING
