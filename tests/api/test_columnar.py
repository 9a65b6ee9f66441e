"""Tables made of the columns as they are kept are those that the rows would make."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.runs.formats.arrow import arrow_stream, parquet
from apps.runs.formats.columns import Source
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import add_history
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import work

pytestmark = pytest.mark.django_db
Row = dict[str, Any]

KINDS: dict[str, Callable[[int], Row]] = {
    "doubles": lambda n: {"loss": n / 7},
    "doubles and integers": lambda n: {"loss": n / 7 if n % 3 else n},
    "integers beyond doubles": lambda n: {"seed": 2**60 + n},
    "integers beyond doubles beside doubles": lambda n: {"seed": 2**60 + n if n % 2 else 0.5},
    "integers beyond 64 bits": lambda n: {"seed": 2**70 + n},
    "integers of any size": lambda n: {"seed": 2**70 if n % 2 else n},
    "what is no number": lambda n: {"a": [float("nan"), float("inf"), -0.0, 1e-310][n % 4]},
    "texts": lambda n: {"note": ["ä", 'say "hi"', "", "tab\t", "\\ud800 written", "😀"][n % 6]},
    "half a pair": lambda n: {"note": "\ud800" if n == 5 else "whole"},
    "booleans and null": lambda n: {"ok": [True, False, None][n % 3]},
    "null alone": lambda n: {"a": None, "b": 1},
    "text and null": lambda n: {"note": None if n % 2 else "null"},
    "a list": lambda n: {"a": [n, None, {"b": 1}]},
    "all at once": lambda n: {"a": [1, 0.5, "x", True, None, [1], {"_type": "image", "n": n}][n % 7]},
    "groups": lambda n: {"net": {"depth": n, "w": {"x": 0.5}}, "net.": 1},
    "keys that come and go": lambda n: {f"k{n % 5}": n, "all": 1.5},
    "rows without anything": lambda n: {} if n % 2 else {"a": n},
    "two paths of one name": lambda n: {"a.b": 1} if n % 2 else {"a": {"b": 2}},
    "deep": lambda n: {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": n}}}}}}}}},
    "more names than a table reads at once": lambda n: {f"m{i}": i for i in range(80)},
    "more names than have columns": lambda n: {f"m{i}": i for i in range(450)},
    "names that UTF-8 cannot carry": lambda n: {"half \ud800": n, "ü": 1},
}


def logged(vision: Project, alice: User, rows: list[Row]) -> Run:
    run = work.run(vision, "told", by=alice)
    append(run, rows)
    return run


def append(run: Run, rows: list[Row]) -> None:
    run.refresh_from_db()
    lines = [jsontext.dumps(row) for row in rows]
    store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(run.history_lines, lines)}))


def both(run: Run, keys: list[str] | None = None) -> tuple[pa.Table, pa.Table, bool]:
    """The table by rows, that by columns, and whether columns served it."""
    reread = store.rereadable(run, Stream.HISTORY, keys=keys)
    rows = (lambda: filter(None, reread())) if keys else reread
    by_rows = pq.read_table(io.BytesIO(b"".join(parquet(rows))))
    source = Source(rows, reread.columnar)
    by_columns = pq.read_table(io.BytesIO(b"".join(parquet(source))))
    streamed = pa.ipc.open_stream(io.BytesIO(b"".join(arrow_stream(source)))).read_all()
    same(by_columns, streamed)
    return by_rows, by_columns, reread.columnar() is not None


def same(by_rows: pa.Table, by_columns: pa.Table) -> None:
    by_columns = by_columns.select(by_rows.column_names)
    assert by_columns.schema.equals(by_rows.schema, check_metadata=True)
    # NaN is not itself: as text it is.
    assert [*map(str, by_columns.to_pylist())] == [*map(str, by_rows.to_pylist())]


@pytest.mark.parametrize("made", KINDS.values(), ids=KINDS)
def test_a_compacted_run_is_the_same_table(made: Callable[[int], Row], vision: Project, alice: User) -> None:
    run = logged(vision, alice, [made(n) for n in range(40)])
    store.compact(run)

    by_rows, by_columns, _is_served = both(run)

    assert len(by_columns.column_names) == len(by_rows.column_names)
    same(by_rows, by_columns)


@pytest.mark.parametrize("made", KINDS.values(), ids=KINDS)
def test_lines_not_yet_compacted_follow_in_their_place(
    made: Callable[[int], Row], vision: Project, alice: User
) -> None:
    run = logged(vision, alice, [made(n) for n in range(10)])
    store.compact(run)
    append(run, [{"late": n, **made(n)} for n in range(10)])
    store.compact(run)
    append(run, [{"loss": "text"}, {"last": 1}, made(3)])

    by_rows, by_columns, _is_served = both(run)

    same(by_rows, by_columns)


@pytest.mark.parametrize("keys", [["loss"], ["note", "loss"], ["nothing"], ["net"], ["net.depth", "ok"]])
def test_chosen_keys_are_the_same_table(keys: list[str], vision: Project, alice: User) -> None:
    rows: list[Row] = [{"loss": n / 7, "_step": n} for n in range(20)]
    rows += [{"note": None if n % 2 else "x", "net": {"depth": n}, "_step": 20 + n} for n in range(20)]
    run = logged(vision, alice, rows)
    store.compact(run)
    append(run, [{"loss": 1.5, "_step": 50}, {"ok": True, "_step": 51}])

    by_rows, by_columns, _is_served = both(run, keys)

    same(by_rows, by_columns)


def test_what_is_served_by_columns_and_what_is_not(vision: Project, alice: User) -> None:
    run = logged(vision, alice, [{"loss": n / 7, "net": {"depth": n}} for n in range(10)])
    assert not both(run)[2]  # nothing is compacted yet
    store.compact(run)

    assert both(run)[2]
    assert both(run, ["loss", "net.depth", "nothing"])[2]
    assert not both(run, ["net"])[2]
    assert store.rereadable(run, Stream.HISTORY, first_step=1).columnar() is None

    add_history(run, ['{"by": "hand"}'], by=Actor.person(alice))
    by_rows, by_columns, is_served = both(run)
    assert not is_served
    same(by_rows, by_columns)


def test_memory_holds_one_group_of_rows(vision: Project, alice: User) -> None:
    run = work.run(vision, "told", by=alice)
    for first in range(0, 300_000, 50_000):
        lines = [f'{{"_step":{n},"loss":{n / 7}}}' for n in range(first, first + 50_000)]
        store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(first, lines)}))
    store.compact(run)
    reread = store.rereadable(run, Stream.HISTORY)
    source = Source(reread, reread.columnar)

    pool_before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        peaks = [
            (tracemalloc.get_traced_memory()[1], pa.total_allocated_bytes() - pool_before)
            for _part in parquet(source)
        ]
    finally:
        tracemalloc.stop()

    assert len(peaks) >= 5
    assert max(peak for peak, _ in peaks) < 24 * 1024 * 1024
    assert max(held for _, held in peaks) < 16 * 1024 * 1024
