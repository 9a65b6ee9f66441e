from __future__ import annotations

from typing import Any

import pytest

from apps.blobs import services
from apps.blobs.models import Blob
from apps.core.errors import Unavailable
from apps.runs.history import compaction, store
from apps.runs.models import Chunk, Run, Segment
from apps.runs.queries import run_key
from apps.runs.tasks import compact_run, sweep
from apps.runs.types import Stream
from tests.runs.history.sending import complete, facts, rows_from, send, steps

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.core.background._send", lambda *_: None)


def counts() -> tuple[int, int, int]:
    return Chunk.objects.count(), Segment.objects.count(), Blob.objects.count()


def test_compacting_twice_changes_nothing(run: Run) -> None:
    send(run, 0, rows_from(0, 3))
    send(run, 0, rows_from(0, 3), stream=Stream.EVENTS)
    before = facts(run)

    assert (store.compact(run), store.compact(run)) == (2, 0)

    assert counts() == (0, 2, 2)
    assert facts(run) == before
    assert steps(run) == [0, 1, 2]


def test_writers_have_segments_of_their_own(run: Run) -> None:
    send(run, 0, rows_from(0, 3), writer="a")
    send(run, 0, rows_from(3, 3), writer="b")

    store.compact(run)

    assert Segment.objects.count() == 2
    assert steps(run) == [*range(6)]
    send(run, 0, rows_from(0, 3), writer="a")
    send(run, 3, rows_from(6, 1), writer="b")
    assert steps(run) == [*range(7)]


def test_large_runs_become_several_segments(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "_BATCH_BYTES", 500)
    for start in range(0, 50, 5):
        send(run, start, rows_from(start, 5))

    assert store.compact(run) > 1

    assert steps(run) == [*range(50)]


@pytest.mark.parametrize("step", ["write_blob", "_put_in_place"])
def test_a_crash_at_any_step_loses_and_doubles_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    send(run, 0, rows_from(0, 4))

    def crash(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(compaction, step, crash)
        with pytest.raises(KeyboardInterrupt):
            store.compact(run)

    assert steps(run) == [0, 1, 2, 3]
    store.compact(run)
    assert steps(run) == [0, 1, 2, 3]
    assert counts()[:2] == (0, 1)


def between(monkeypatch: pytest.MonkeyPatch, act: Any) -> None:
    """Let something else happen after the segment's file is written and before it is put in place."""
    write = services.write_blob

    def writing(*args: Any) -> Any:
        stored = write(*args)
        monkeypatch.setattr(compaction, "write_blob", write)
        act()
        return stored

    monkeypatch.setattr(compaction, "write_blob", writing)


def test_an_append_meanwhile_stays_hot(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    send(run, 0, rows_from(0, 4))
    between(monkeypatch, lambda: send(run, 4, rows_from(4, 2)))

    assert store.compact(run) == 1

    assert counts() == (1, 1, 1)
    assert steps(run) == [*range(6)]


def test_a_second_worker_meanwhile_wins_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    send(run, 0, rows_from(0, 4))
    between(monkeypatch, lambda: store.compact(run))

    assert store.compact(run) == 0

    assert counts() == (0, 1, 1)
    assert steps(run) == [0, 1, 2, 3]


def test_a_rewind_meanwhile_wins(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    send(run, 0, rows_from(0, 4))
    between(monkeypatch, lambda: store.rewind(run, last_step=1))

    assert store.compact(run) == 0

    assert steps(run) == [0, 1]
    assert Blob.objects.count() == 0


def test_an_erased_run_meanwhile_leaves_no_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    send(run, 0, rows_from(0, 4))
    between(monkeypatch, lambda: Run.objects.all().delete())

    assert store.compact(run) == 0

    assert Blob.objects.count() == 0


def test_console_lines_said_later_are_not_put_in_place_before_earlier_ones(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_BATCH_LINES", 1)
    for word in ("10 %", "20 %", "done"):
        send(run, 0, [word], stream=Stream.OUTPUT)
    key = run_key(run)
    batches = [*compaction._batches(run, Stream.OUTPUT, key)]

    placed = [compaction._compact_batch(run, key, batches[number]) for number in (1, 0, 2, 1, 2)]

    assert placed == [False, True, False, True, True]
    assert store.console(run, 0, 9) == ["done"]


def test_due_are_ended_runs_and_those_with_much(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    send(run, 0, rows_from(0, 4))
    assert store.due_runs() == []

    with monkeypatch.context() as patched:
        patched.setattr(compaction, "HOT_BYTES", 10)
        assert store.due_runs() == [run.pk]
    complete(run)
    assert store.due_runs() == [run.pk]

    store.compact(run)
    assert store.due_runs() == []


def test_a_message_that_waited_too_long_makes_no_tiny_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    send(run, 0, rows_from(0, 4))

    compact_run(run.pk, if_full=True)
    assert counts()[:2] == (1, 0)

    with monkeypatch.context() as patched:
        patched.setattr(compaction, "HOT_BYTES", 10)
        compact_run(run.pk, if_full=True)
    assert counts()[:2] == (0, 1)

    send(run, 4, rows_from(4, 1), is_complete=True, exit_code=0)
    compact_run(run.pk, if_full=True)
    assert counts()[:2] == (0, 2)


def test_the_sweep_finds_it_though_every_message_is_lost(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    send(run, 0, rows_from(0, 4), is_complete=True, exit_code=0)
    assert counts()[:2] == (1, 0)
    monkeypatch.undo()

    sweep()

    assert counts()[:2] == (0, 1)


# ── Rewind and fork, over both kinds of pieces ──


@pytest.mark.parametrize("compacted_at", [None, 3, 6, 10])
def test_a_rewind_drops_what_came_after_and_the_client_goes_on(run: Run, compacted_at: int | None) -> None:
    for step in range(10):
        if step == compacted_at:
            store.compact(run)
        send(run, step, rows_from(step, 1))
    if compacted_at == 10:
        store.compact(run)

    store.rewind(run, last_step=5)

    row = Run.objects.get(pk=run.pk)
    keys = store.keys_of(row)
    assert (row.history_lines, steps(run)) == (6, [*range(6)])
    assert (keys.last_step, keys.keys["loss",].count) == (5, 6)
    with pytest.raises(Unavailable):
        send(run, 7, rows_from(7, 1))
    send(run, 6, rows_from(6, 2, again=True))
    store.compact(run)
    assert steps(run) == [*range(8)]
    assert list(store.scan(run, Stream.HISTORY))[-1]["again"] is True


def test_a_rewind_of_a_shared_run_leaves_one_writer(run: Run) -> None:
    send(run, 0, rows_from(0, 4), writer="a")
    send(run, 0, rows_from(2, 4), writer="b")

    store.rewind(run, last_step=3)

    assert steps(run) == [0, 1, 2, 2, 3, 3]
    send(run, 6, rows_from(4, 1))
    assert steps(run) == [0, 1, 2, 2, 3, 3, 4]


def test_a_rewind_to_before_the_start_leaves_nothing(run: Run) -> None:
    send(run, 0, rows_from(0, 4))

    store.rewind(run, last_step=-1)

    assert steps(run) == []
    send(run, 0, rows_from(0, 1))
    assert steps(run) == [0]


@pytest.mark.parametrize("first_line", [0, 3])
@pytest.mark.parametrize("compacted", [False, True])
def test_a_fork_begins_with_its_parents_history(
    run: Run, vision: Any, alice: Any, first_line: int, compacted: bool
) -> None:
    from tests.factories import work

    send(run, 0, rows_from(0, 10))
    if compacted:
        store.compact(run)
    child = work.run(vision, "child", by=alice)

    store.copy_until(run, child, last_step=2)
    # The client counts its own lines from 0, or from all there are, as it was told when it began.
    send(child, first_line, rows_from(3, 2, mine=1))
    send(child, first_line, rows_from(3, 2, mine=1))
    store.compact(child)

    assert steps(child) == [0, 1, 2, 3, 4]
    assert Run.objects.get(pk=child.pk).history_lines == 5
    assert steps(run) == [*range(10)]
    assert complete(child) == "finished"
