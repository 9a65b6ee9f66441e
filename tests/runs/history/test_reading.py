from __future__ import annotations

import json
import math

import pytest

from apps.core.errors import Invalid, TooMuch
from apps.runs.history import store
from apps.runs.models import Chunk, Run, Segment
from apps.runs.types import Stream
from apps.vault.errors import Tampered
from tests.runs.history.sending import rows_from, send, steps
from tests.runs.history.values import ODD_LINES, same

pytestmark = pytest.mark.django_db
HISTORY = Stream.HISTORY


@pytest.fixture(params=["hot", "compacted", "half"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fill(run: Run, lines: list[str], how: str) -> Run:
    middle = len(lines) // 2
    send(run, 0, lines[:middle])
    if how == "half":
        store.compact(run)
    send(run, middle, lines[middle:])
    if how == "compacted":
        store.compact(run)
        assert not Chunk.objects.exists()
    return run


def test_odd_values_whole(run: Run, how: str) -> None:
    fill(run, ODD_LINES, how)

    assert same(list(store.scan(run, HISTORY)), [json.loads(line) for line in ODD_LINES])
    assert same(store.sample_rows(run, HISTORY, 100), [json.loads(line) for line in ODD_LINES])
    assert store.last_row(run, HISTORY)["d"] == 2**63  # type: ignore[index]


def test_a_range_of_steps(run: Run, how: str) -> None:
    fill(run, rows_from(0, 20), how)

    assert steps(run, first_step=5, last_step=8) == [5, 6, 7, 8]
    assert steps(run, first_step=18) == [18, 19]
    assert steps(run, last_step=0) == [0]
    assert steps(run, first_step=100) == []


def test_only_the_keys_asked_for_by_dotted_name(run: Run, how: str) -> None:
    lines = ['{"a":{"b":1},"_step":0}', '{"a.b":2,"c":3,"_step":1}', '{"c":null,"_step":2}']
    fill(run, lines, how)

    found = store.scan(run, HISTORY, keys=["a.b", "c"])

    assert list(found) == [{"a.b": 1}, {"a.b": 2, "c": 3}, {"c": None}]


def test_sample_keys_takes_rows_that_have_them_all(run: Run, how: str) -> None:
    lines = [json.dumps({"_step": s, "a": s} | ({"b": -s} if s % 2 else {})) for s in range(20)]
    fill(run, lines, how)

    assert store.sample_keys(run, ["_step", "b"], 3) == [{"_step": s, "b": -s} for s in (1, 9, 19)]
    assert store.sample_keys(run, ["a", "b"], 100, first_step=4, last_step=8) == [
        {"a": s, "b": -s} for s in (5, 7)
    ]
    assert store.sample_keys(run, ["a", "nothing"], 10) == []


def test_samples_are_spread_and_end_with_the_last(run: Run, how: str) -> None:
    fill(run, rows_from(0, 50), how)

    assert [row["_step"] for row in store.sample_rows(run, HISTORY, 5)] == [0, 12, 24, 36, 49]
    assert [row["_step"] for row in store.sample_rows(run, HISTORY, 1)] == [49]
    assert store.sample_rows(run, HISTORY, 0) == []


def test_a_chart_keeps_the_spike_and_the_gaps(run: Run, how: str) -> None:
    lines = [json.dumps({"_step": s, "m": 0.0} | ({"m": 9} if s == 333 else {})) for s in range(1000)]
    lines[500] = '{"_step":500,"m":NaN}'
    lines[600] = '{"_step":600}'
    fill(run, lines, how)

    series = store.sample_metric(run, "m", 10)

    assert (333.0, 9.0) in zip(series.x, series.y, strict=True)
    assert any(math.isnan(y) for y in series.y)
    assert len(series.x) <= 50
    assert store.sample_metric(run, "m", 100, first=590, last=610).x == [
        float(x) for x in range(590, 611) if x != 600
    ]
    assert store.sample_metric(run, "unknown", 100).x == []


def test_a_chart_over_another_axis_and_several_metrics(run: Run, how: str) -> None:
    fill(run, ['{"_step":0,"epoch":2,"a":1}', '{"_step":1,"epoch":1,"a":2,"b":7}', '{"_step":2,"a":3}'], how)

    found = store.sample_metrics(run, ["a", "b"], 100, x="epoch")

    assert (found["a"].x, found["a"].y) == ([1.0, 2.0], [2.0, 1.0])
    assert (found["b"].x, found["b"].y) == ([1.0], [7.0])


def test_an_empty_run(run: Run) -> None:
    assert list(store.scan(run, HISTORY)) == []
    assert store.sample_rows(run, HISTORY, 5) == []
    assert store.last_row(run, HISTORY) is None
    assert store.sample_metric(run, "a", 5).x == []
    assert store.sample_keys(run, ["a"], 5) == []
    assert store.key_list(run)["keys"] == {}


def test_a_damaged_chunk_is_an_error_and_never_other_content(run: Run) -> None:
    send(run, 0, rows_from(0, 3))
    chunk = Chunk.objects.get()
    damaged = bytearray(chunk.payload)
    damaged[40] ^= 1
    Chunk.objects.update(payload=bytes(damaged))

    with pytest.raises(Tampered):
        steps(run)


def test_a_chunk_moved_to_other_lines_does_not_open(run: Run) -> None:
    send(run, 0, rows_from(0, 3))
    Chunk.objects.update(first_line=1)

    with pytest.raises(Tampered):
        steps(run)


def test_the_live_cursor_gives_each_row_once(run: Run) -> None:
    send(run, 0, rows_from(0, 3))
    first = store.rows_since(run, HISTORY)
    send(run, 3, rows_from(3, 2))
    store.compact(run)
    send(run, 5, rows_from(5, 1))

    second = store.rows_since(run, HISTORY, first.cursor, keys=["_step"])
    third = store.rows_since(run, HISTORY, second.cursor)

    assert [row["_step"] for row in first.rows] == [0, 1, 2]
    assert second.rows == [{"_step": 3}, {"_step": 4}, {"_step": 5}]
    assert (third.rows, third.cursor, third.is_reset) == ([], second.cursor, False)


def test_the_present_cursor_is_where_reading_all_would_end(run: Run, how: str) -> None:
    send(run, 0, ["{}"], writer="w")
    fill(run, rows_from(0, 6), how)

    cursor = store.present_cursor(run, HISTORY)

    assert cursor == store.rows_since(run, HISTORY).cursor
    assert store.rows_since(run, HISTORY, cursor).rows == []
    assert store.present_cursor(run, Stream.EVENTS) == "0"


@pytest.mark.parametrize(
    "cursor", ["x", "1~", "0~zz.1", "0~ab", "0~a.1", "9" * 30, "0~00.1" * 9999, "0" + "~00.1" * 999, "0\n"]
)
def test_a_made_up_cursor_is_refused(run: Run, cursor: str) -> None:
    with pytest.raises(Invalid):
        store.rows_since(run, HISTORY, cursor)


def test_a_sample_that_no_memory_would_hold_is_refused(
    run: Run, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.runs.history.reading.MOST_HELD", 10_000)
    fill(run, rows_from(0, 8, text="x" * 4_000), how)

    assert len(store.sample_rows(run, HISTORY, 2)) == 2
    with pytest.raises(TooMuch):
        store.sample_rows(run, HISTORY, 8)


def test_a_page_that_was_away_for_long_is_sent_to_a_sample(
    run: Run, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cursor anybody may write could otherwise ask for all that was ever logged, row by row."""
    monkeypatch.setattr("apps.runs.history.live.MOST_NEW_LINES", 5)
    fill(run, rows_from(0, 8), how)

    away = store.rows_since(run, HISTORY, "0")
    near = store.rows_since(run, HISTORY, "0~.3")

    assert (away.rows, away.is_reset, away.cursor) == ([], True, store.present_cursor(run, HISTORY))
    assert ([row["_step"] for row in near.rows], near.is_reset) == ([3, 4, 5, 6, 7], False)


def test_rows_without_a_step_go_with_the_row_before_them(run: Run, how: str) -> None:
    fill(run, ['{"_step":1,"a":0}', '{"a":1}', '{"_step":5,"a":2}', '{"a":3}', '{"_step":9}', "{}"], how)

    assert list(store.scan(run, HISTORY, keys=["a"], first_step=2, last_step=8)) == [{"a": 2}, {"a": 3}]


def test_after_a_rewind_the_live_cursor_starts_over(run: Run) -> None:
    send(run, 0, rows_from(0, 5))
    cursor = store.rows_since(run, HISTORY).cursor

    store.rewind(run, last_step=1)
    fresh = store.rows_since(Run.objects.get(pk=run.pk), HISTORY, cursor)

    assert fresh.is_reset
    assert [row["_step"] for row in fresh.rows] == [0, 1]


def test_segments_are_sealed_and_know_their_steps(run: Run) -> None:
    send(run, 0, rows_from(10, 5))
    store.compact(run)

    segment = Segment.objects.get(stream="history")
    assert (segment.first_line, segment.line_count) == (0, 5)
    assert b"first_step" not in bytes(segment.sealed_facts or b"")
    assert steps(run, first_step=11, last_step=12) == [11, 12]
