"""Rows sent again under new numbers, as the second sync of an offline run does: they add nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from apps.runs.history import repeats, store
from apps.runs.models import Chunk, Run
from apps.runs.types import Stream
from tests.runs.history.sending import complete, facts, rows_from, send, steps

pytestmark = pytest.mark.django_db(transaction=True)
Keep = Callable[[Run], None]


@pytest.fixture(autouse=True)
def _no_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.core.background._send", lambda *_: None)


@pytest.fixture(params=["hot", "compacted"])
def keep(request: pytest.FixtureRequest) -> Keep:
    """What is stored lies as it came, or as the worker leaves it."""

    def compact(run: Run) -> None:
        if request.param == "compacted":
            store.compact(run)

    return compact


def lines_of(run: Run) -> int:
    return Run.objects.get(pk=run.pk).history_lines


def sync(run: Run, count: int, *, size: int = 4, **more: Any) -> None:
    """All rows in batches from the number of lines that the server tells."""
    first = lines_of(run)
    for start in range(0, count, size):
        send(run, first + start, rows_from(start, min(size, count - start)), **more)


def test_a_second_sync_adds_nothing_and_the_counts_go_on(run: Run, keep: Keep) -> None:
    for times in (1, 2, 3):
        sync(run, 10)
        keep(run)

        assert steps(run) == [*range(10)]
        assert lines_of(run) == 10 * times
        assert store.keys_of(Run.objects.get(pk=run.pk)).keys["loss",].count == 10

    send(run, 30, rows_from(10, 2))
    assert steps(run) == [*range(12)]


@pytest.mark.parametrize("stored", [1, 4, 6, 9])
def test_a_sync_that_broke_off_is_completed_in_order(run: Run, keep: Keep, stored: int) -> None:
    send(run, 0, rows_from(0, stored))
    keep(run)

    sync(run, 10)
    keep(run)

    assert (steps(run), lines_of(run)) == ([*range(10)], stored + 10)
    sync(run, 10)
    assert steps(run) == [*range(10)]
    assert [row["_step"] for row in store.sample_rows(run, Stream.HISTORY, 100)] == [*range(10)]
    assert store.last_row(run, Stream.HISTORY)["_step"] == 9  # type: ignore[index]


def test_a_batch_in_part_repeated_may_be_retried(run: Run, keep: Keep) -> None:
    send(run, 0, rows_from(0, 3))
    keep(run)
    for _ in range(2):
        send(run, 3, rows_from(0, 6))
    before = facts(run)

    send(run, 3, rows_from(0, 6))
    send(run, 7, rows_from(4, 2))

    assert (steps(run), facts(run)) == ([*range(6)], before)


def test_holes_between_stored_rows_are_filled(run: Run, keep: Keep) -> None:
    send(run, 0, [*rows_from(0, 1), *rows_from(2, 1), *rows_from(5, 1)])
    keep(run)

    send(run, 3, rows_from(0, 6))
    keep(run)

    assert sorted(steps(run)) == [*range(6)]
    assert lines_of(run) == 9


def test_an_equal_step_at_another_time_is_another_row(run: Run, keep: Keep) -> None:
    send(run, 0, rows_from(0, 3))
    keep(run)

    send(run, 3, rows_from(2, 2, _timestamp=5000.0))

    assert steps(run) == [0, 1, 2, 2, 3]


def test_an_equal_step_and_time_with_other_values_is_another_row(run: Run, keep: Keep) -> None:
    """Whoever brings a history from elsewhere may send each metric by itself, with its step and its time."""
    rows: list[dict[str, Any]] = [{"loss": 1}, {"acc": 1}, {"loss": 1.0}, {"loss": 1, "x": {"y": [None]}}]
    for first, row in enumerate(rows):
        send(run, first, [json.dumps({"_step": 0, "_timestamp": 5.0} | row)])
        keep(run)
    for first, row in enumerate(rows, 4):
        send(run, first, [json.dumps(row | {"_timestamp": 5.0, "_step": 0})])

    assert [set(row) - {"_step", "_timestamp"} for row in store.scan(run, Stream.HISTORY)] == [
        {"loss"},
        {"acc"},
        {"loss"},
        {"loss", "x"},
    ]


@pytest.mark.parametrize("row", [{"_step": 0}, {"_timestamp": 1.0}, {}, {"_step": "0", "_timestamp": 1.0}])
def test_rows_without_step_or_time_are_never_taken_for_repeated(run: Run, row: dict[str, Any]) -> None:
    for first in range(3):
        send(run, first, [json.dumps(row)])

    assert list(store.scan(run, Stream.HISTORY)) == [row] * 3


def test_what_other_writers_sent_is_no_repeat(run: Run) -> None:
    for writer in ("a", "b", ""):
        send(run, 0 if writer else 6, rows_from(0, 3), writer=writer)

    assert steps(run) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_after_a_rewind_the_steps_can_be_sent_again(run: Run, keep: Keep) -> None:
    sync(run, 10)
    sync(run, 10)
    keep(run)
    sync(run, 14)
    keep(run)

    store.rewind(run, last_step=11)
    first = lines_of(run)
    send(run, first, rows_from(12, 4))

    assert steps(run) == [*range(16)]
    pieces = Chunk.objects.filter(run=run).order_by("first_line").values_list("first_line", "line_count")
    ends = [first_line + count for first_line, count in pieces]
    assert all(first_line >= end for (first_line, _), end in zip(pieces[1:], ends, strict=False))
    sync(run, 16)
    assert steps(run) == [*range(16)]


def test_a_finished_run_is_not_revived_by_what_it_has(run: Run, keep: Keep) -> None:
    sync(run, 10)
    complete(run)
    keep(run)
    ended = facts(run)["finished_at"]

    sync(run, 10)
    assert facts(run)["state"] == "finished"
    complete(run)
    assert facts(run)["finished_at"] == ended
    sync(run, 11)
    assert facts(run)["state"] == "running"


def test_a_page_that_follows_the_run_sees_each_row_once(run: Run, keep: Keep) -> None:
    send(run, 0, rows_from(0, 5))
    keep(run)
    fresh = store.rows_since(run, Stream.HISTORY)
    send(run, 5, rows_from(0, 4))
    nothing = store.rows_since(run, Stream.HISTORY, fresh.cursor)
    send(run, 9, rows_from(4, 4))
    rest = store.rows_since(run, Stream.HISTORY, nothing.cursor)

    assert (nothing.rows, [row["_step"] for row in rest.rows]) == ([], [5, 6, 7])
    assert store.rows_since(run, Stream.HISTORY, store.present_cursor(run, Stream.HISTORY)).rows == []


def test_rows_that_follow_are_stored_without_a_look(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def look(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(repeats, "pieces_of", look)
    sync(run, 20)

    with pytest.raises(AssertionError):
        sync(run, 1)
