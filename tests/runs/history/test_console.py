from __future__ import annotations

from typing import Any

import pytest

from apps.blobs.services import open_blob
from apps.runs.history import codec, pieces, store
from apps.runs.models import Chunk, Run, Segment
from apps.runs.types import Stream
from apps.vault.keys import OpenKey
from apps.vault.types import NodeId
from tests.runs.history.sending import send

pytestmark = pytest.mark.django_db
OUT = Stream.OUTPUT


@pytest.fixture(params=["hot", "compacted", "half"])
def settled(request: pytest.FixtureRequest, run: Run) -> Run:
    send(run, 0, ["loading", "10%", ""], stream=OUT)
    send(run, 1, ["50%"], stream=OUT)
    if request.param == "half":
        store.compact(run)
    send(run, 1, ["100%", "done"], stream=OUT)
    send(run, 6, ["late stretch \ud800"], stream=OUT)
    send(run, 3, ["é", "NaN"], stream=OUT)
    if request.param == "compacted":
        store.compact(run)
        assert not Chunk.objects.exists()
    return run


def test_the_last_word_on_a_line_counts(settled: Run) -> None:
    assert store.console(settled, 0, 100) == [
        "loading",
        "100%",
        "done",
        "é",
        "NaN",
        "",
        "late stretch \ud800",
    ]
    assert Run.objects.get(pk=settled.pk).output_lines == 7


@pytest.mark.parametrize(
    ("first", "count", "expected"),
    [
        (0, 1, ["loading"]),
        (1, 2, ["100%", "done"]),
        (5, 9, ["", "late stretch \ud800"]),
        (7, 5, []),
        (0, 0, []),
    ],
)
def test_a_page_of_lines(settled: Run, first: int, count: int, expected: list[str]) -> None:
    assert store.console(settled, first, count) == expected


def test_no_output_at_all(run: Run) -> None:
    assert store.console(run, 0, 10) == []


def test_lines_of_two_writers_merge_by_the_time_before_them(run: Run) -> None:
    send(run, 0, ["2026-11-23T06:48:34.3 a1", "no time", "2026-11-23T06:48:36.3 a2"], stream=OUT, writer="a")
    send(
        run,
        0,
        ["ERROR 2026-11-23T06:48:35.1 b1", '{"ts":"2026-11-23T06:48:37.1","content":"b2"}'],
        stream=OUT,
        writer="b",
    )

    found = store.console(run, 0, 10)

    assert [line[-2:] for line in found] == ["a1", "me", "b1", "a2", '"}']
    assert store.console(run, 3, 1) == found[3:4]
    assert Run.objects.get(pk=run.pk).output_lines == 5


def test_chosen_lines(settled: Run) -> None:
    assert store.console_at(settled, [1, 3, 5, 6, 90]) == {1: "100%", 3: "é", 6: "late stretch \ud800"}
    assert store.console_at(settled, []) == {}
    assert store.console_at(settled, [0, 6], longest=4) == {0: "load", 6: "late"}
    assert store.console(settled, 5, 2, longest=4) == ["", "late"]


def test_all_lines_in_stretches(run: Run) -> None:
    lines = [f"line {number}" for number in range(9000)]
    send(run, 0, lines[:5000], stream=OUT)
    store.compact(run)
    send(run, 5000, lines[5000:], stream=OUT)

    stretches = list(store.console_stretches(run, 4090))

    assert [first for first, _ in stretches] == [4090, 6138, 8186]
    assert [line for _, stretch in stretches for line in stretch] == lines[4090:]


@pytest.mark.parametrize("is_compacted", [False, True])
def test_lines_in_the_far_distance_are_reached_at_once(run: Run, is_compacted: bool) -> None:
    send(run, 0, ["here"], stream=OUT)
    for number in (2**30, 2**39):
        send(run, number, [f"line {number}"], stream=OUT)
    if is_compacted:
        store.compact(run)

    stretches = {first: [line for line in lines if line] for first, lines in store.console_stretches(run)}

    assert stretches == {0: ["here"], 2**30: ["line 1073741824"], 2**39: ["line 549755813888"]}
    assert store.console_at(run, [2**39]) == {2**39: "line 549755813888"}


def test_all_lines_of_two_writers(run: Run) -> None:
    for writer in "ab":
        lines = [f"2026-11-23T06:48:{second:02}.{ord(writer)} {writer}" for second in range(20)]
        send(run, 0, lines, stream=OUT, writer=writer)

    ((first, lines),) = store.console_stretches(run, 3)

    assert first == 3
    assert [line[-1] for line in lines] == list("ba" * 18 + "b")
    assert store.console_at(run, [3, 5]) == {3: lines[0], 5: lines[2]}


def test_a_stretch_of_a_long_log_opens_little_of_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    send(run, 0, [f"line {number}" for number in range(20_000)], stream=OUT)
    for place in range(4):
        send(run, 20_000 + place, [f"hot {place}"], stream=OUT)
    opened: list[int] = []
    open_chunk, rows_of = pieces.open_chunk, codec.SegmentReader._rows_of

    def open_and_note(chunk: Chunk, key: OpenKey) -> bytes:
        opened.append(chunk.line_count)
        return open_chunk(chunk, key)

    def read_and_note(reader: codec.SegmentReader, table: Any, wanted: frozenset[int]) -> list[Any]:
        opened.append(table.num_rows)
        return rows_of(reader, table, wanted)

    monkeypatch.setattr("apps.runs.history.console.open_chunk", open_and_note)
    monkeypatch.setattr(codec.SegmentReader, "_rows_of", read_and_note)

    assert store.console(run, 20_002, 1) == ["hot 2"]
    assert opened == [1]

    store.compact(run)
    opened.clear()

    assert store.console(run, 10_000, 3) == ["line 10000", "line 10001", "line 10002"]
    assert opened == [3]
    segment = Segment.objects.get(run=run)
    file = codec.SegmentReader(open_blob(segment.blob, NodeId(run.vault_node)))
    assert file._file.num_row_groups == 20


def test_changes_since_a_cursor(run: Run) -> None:
    send(run, 0, ["loading", "10%"], stream=OUT)
    before = store.console_changes(Run.objects.get(pk=run.pk))
    assert before.stretches == [(0, 2)]
    assert store.console_changes(Run.objects.get(pk=run.pk), before.cursor).stretches == []

    send(run, 1, ["20%"], stream=OUT)
    send(run, 2, ["done", "bye"], stream=OUT)
    after = store.console_changes(Run.objects.get(pk=run.pk), before.cursor)

    assert after.stretches == [(1, 1), (2, 2)]
    assert after.total == 4


def test_changes_across_a_compaction_are_everything(run: Run) -> None:
    send(run, 0, ["loading", "10%"], stream=OUT)
    before = store.console_changes(Run.objects.get(pk=run.pk))
    send(run, 1, ["20%"], stream=OUT)
    store.compact(run)

    assert store.console_changes(Run.objects.get(pk=run.pk), before.cursor).stretches == [(0, 2)]
    assert store.console_changes(Run.objects.get(pk=run.pk), "no cursor").stretches == [(0, 2)]
