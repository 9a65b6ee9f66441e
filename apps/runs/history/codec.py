"""Rows to Parquet and back, losing nothing.

A path (`paths.py`) has up to three columns, and a value stands in exactly one of them: `d` a double,
`i` a 64-bit integer, `t` the JSON text of anything else (strings, booleans, null, lists, whole
objects, larger integers). A key that is missing stands in none. So 1 and 1.0, null and missing,
NaN and nothing all stay apart, and a key may change its type from row to row.

A file can have a few hundred columns before each costs more than it holds; the paths beyond that (a run with
ten thousand metric names) share columns `s`: each a JSON object of the values of its paths.

Which paths the columns hold is written in the file's own metadata, sealed with the rest.
"""

from __future__ import annotations

import io
import json
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from apps.runs.history.lines import by_shape, parse_json
from apps.runs.history.paths import MISSING, Path, Row, dotted, pick, put, serving

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

FORMAT = b"1"
ROWS_IN_GROUP = 65_536
MOST_OWN_PATHS = 400
SHARED_COLUMNS = 64
_INT64 = range(-(2**63), 2**63)
_FORMAT_KEY, _PATHS_KEY = b"ownlog.format", b"ownlog.paths"


@dataclass(slots=True)
class _Leaf:
    """The values of one path: where they stand and what they are, by kind of column, in the parts in which they came."""

    parts: dict[str, list[tuple[Sequence[int], Sequence[Any]]]]

    @property
    def count(self) -> int:
        return sum(len(places) for parts in self.parts.values() for places, _ in parts)

    def add(self, kind: str, places: Sequence[int], values: Sequence[Any]) -> None:
        self.parts.setdefault(kind, []).append((places, values))


# ── Writing ──


def write(rows: Sequence[Row], *, rows_in_group: int = ROWS_IN_GROUP) -> bytes:
    """One Parquet file with these rows, in their order. A reader of single rows reads their whole groups."""
    return write_batches([rows], rows_in_group=rows_in_group)


def write_batches(batches: Iterable[Sequence[Row]], *, rows_in_group: int = ROWS_IN_GROUP) -> bytes:
    """`write` of rows that come in batches: of each only its columns are held when the next is taken."""
    import pyarrow.parquet as pq

    table, paths = _table(batches)
    names = table.column_names
    by_kind = {kind: [name for name in names if name[0] == kind] for kind in "dits"}
    encodings = dict.fromkeys(by_kind["d"], "BYTE_STREAM_SPLIT") | dict.fromkeys(
        by_kind["i"], "DELTA_BINARY_PACKED"
    )
    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=by_kind["t"],
        column_encoding=encodings,
        write_statistics=False,
        store_schema=False,
    ) as writer:
        writer.write_table(table, row_group_size=rows_in_group)
        writer.add_key_value_metadata({_FORMAT_KEY: FORMAT, _PATHS_KEY: json.dumps(paths).encode()})
    return sink.getvalue()


def _table(batches: Iterable[Sequence[Row]]) -> tuple[pa.Table, list[Path]]:
    import pyarrow as pa

    found, length = _leaves_by_path(batches)
    own = sorted(found, key=lambda path: -found[path].count)[:MOST_OWN_PATHS]
    own_paths = set(own)
    shared: list[dict[int, dict[int, Any]]] = [{} for _ in range(SHARED_COLUMNS)]
    columns: dict[str, pa.Array] = {}
    paths = list(found)
    for number, path in enumerate(paths):
        leaf = found[path]
        if path in own_paths:
            for kind, parts in leaf.parts.items():
                columns[f"{kind}{number}"] = _column(kind, parts, length)
        else:
            _share(shared[shared_column_of(path)], number, leaf)
    for index, cells in enumerate(shared):
        if cells:
            columns[f"s{index}"] = _texts([(list(cells), list(map(_to_text, cells.values())))], length)
    if not columns:  # rows without a single key still count
        columns["none"] = pa.nulls(length, pa.int8())
    return pa.table(columns), paths


def _leaves_by_path(batches: Iterable[Sequence[Row]]) -> tuple[dict[Path, _Leaf], int]:
    """Every value by its path, a column at a time for rows of one shape; and how many rows there are."""
    found: dict[Path, _Leaf] = {}
    first = 0
    for rows in batches:
        for shaped in by_shape(rows):
            places = _moved(shaped.places, first)
            for path, kind, values in zip(shaped.paths, shaped.kinds, shaped.columns, strict=True):
                leaf = found.get(path)
                if leaf is None:
                    leaf = found[path] = _Leaf({})
                _add_values(leaf, kind, places, values)
        first += len(rows)
    return found, first


def _moved(places: Sequence[int], by: int) -> Sequence[int]:
    if isinstance(places, range):
        return range(places.start + by, places.stop + by)
    return [place + by for place in places]


def _add_values(leaf: _Leaf, kind: type, places: Sequence[int], values: Sequence[Any]) -> None:
    if kind is float:
        leaf.add("d", places, array("d", values))
    elif kind is int and min(values) in _INT64 and max(values) in _INT64:
        leaf.add("i", places, array("q", values))
    elif kind is int:
        for place, value in zip(places, values, strict=True):
            small = value in _INT64
            leaf.add("i" if small else "t", (place,), (value if small else _to_text(value),))
    else:
        leaf.add("t", places, [_to_text(value) for value in values])


def _share(cells: dict[int, dict[int, Any]], number: int, leaf: _Leaf) -> None:
    for kind, parts in leaf.parts.items():
        for places, values in parts:
            for place, value in zip(places, values, strict=True):
                cells.setdefault(place, {})[number] = parse_json(value) if kind == "t" else value


def shared_column_of(path: Path) -> int:
    return zlib.crc32(json.dumps(path).encode()) % SHARED_COLUMNS


def _to_text(value: Any) -> str:
    # ASCII only: half a surrogate pair, which JSON may carry, has no UTF-8 form.
    return json.dumps(value, separators=(",", ":"))


def _column(kind: str, parts: Sequence[tuple[Sequence[int], Sequence[Any]]], length: int) -> pa.Array:
    import numpy as np
    import pyarrow as pa

    if kind == "t":
        return _texts(parts, length)
    dtype = np.dtype(np.float64 if kind == "d" else np.int64)
    values = np.concatenate([np.asarray(part, dtype) for _, part in parts])
    there = None
    if len(values) < length or not all(isinstance(places, range) for places, _ in parts):
        where = np.concatenate([np.asarray(places, np.int64) for places, _ in parts])
        filled, marks = np.zeros(length, dtype), np.zeros(length, np.bool_)
        filled[where], marks[where] = values, True
        there = None if len(values) == length else pa.py_buffer(np.packbits(marks, bitorder="little"))
        values = filled
    # By its buffers: of an array `pa.array` would find out, with the whole of pandas if there is one, what it is.
    of = pa.float64() if kind == "d" else pa.int64()
    return pa.Array.from_buffers(of, length, [there, pa.py_buffer(values)])


def _texts(parts: Sequence[tuple[Sequence[int], Sequence[Any]]], length: int) -> pa.Array:
    import pyarrow as pa

    cells: list[str | None] = [None] * length
    for places, values in parts:
        for place, value in zip(places, values, strict=True):
            cells[place] = value
    return pa.array(cells, pa.large_string())


# ── Reading ──


class SegmentReader:
    """One Parquet file of ours, of which only the columns and row groups asked for are read."""

    def __init__(self, source: BinaryIO) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        # What lies in memory is read there, without a call to Python for each part.
        readable = pa.BufferReader(source.getvalue()) if isinstance(source, io.BytesIO) else source
        self._file: pq.ParquetFile = pq.ParquetFile(readable)
        metadata = self._file.metadata.metadata or {}
        if metadata.get(_FORMAT_KEY) != FORMAT:
            raise ValueError("not a segment of a known format")
        self.paths: list[Path] = [tuple(path) for path in json.loads(metadata[_PATHS_KEY])]
        self._columns_there = frozenset(self._file.schema_arrow.names)
        self.row_count: int = self._file.metadata.num_rows

    def rows(self, names: frozenset[str] | None = None, places: Sequence[int] | None = None) -> Iterator[Row]:
        """Whole rows, or at least those parts of them that the dotted `names` need; all, or those at the ascending `places`."""
        wanted = list(range(len(self.paths))) if names is None else serving(self.paths, names)
        columns = self._columns(wanted)
        for first, table in self._groups(columns, places):
            if places is not None:
                inside = places[bisect_left(places, first) : bisect_left(places, first + table.num_rows)]
                table = table.take([place - first for place in inside])
            yield from self._rows_of(table, frozenset(wanted))

    def groups(self, columns: list[str]) -> Iterator[pa.Table]:
        """These columns as they lie, row group by row group."""
        return (table for _first, table in self._groups(columns, None))

    def columns_of(self, number: int) -> list[str]:
        """The columns in which the values of a path stand; one that other paths share begins with `s`."""
        return self._columns([number])

    def _groups(self, columns: list[str], places: Sequence[int] | None) -> Iterator[tuple[int, pa.Table]]:
        first = 0
        for group in range(self._file.num_row_groups):
            count = self._file.metadata.row_group(group).num_rows
            if places is None or bisect_left(places, first) < bisect_left(places, first + count):
                table = self._file.read_row_group(group, columns=columns, use_threads=False)
                yield first, _of_length(table, count)
            first += count

    def _columns(self, wanted: Sequence[int]) -> list[str]:
        names: list[str] = []
        shared: set[str] = set()
        for number in wanted:
            own = [name for kind in "dit" if (name := f"{kind}{number}") in self._columns_there]
            names += own
            if not own:
                shared.add(f"s{shared_column_of(self.paths[number])}")
        return names + sorted(shared)

    def _rows_of(self, table: pa.Table, wanted: frozenset[int]) -> list[Row]:
        rows: list[Row] = [{} for _ in range(table.num_rows)]
        for name in table.column_names:
            kind = name[0]
            if kind in "dit":
                places, values = _present(table.column(name))
                _fill(
                    rows,
                    self.paths[int(name[1:])],
                    places,
                    map(parse_json, values) if kind == "t" else values,
                )
            elif kind == "s":
                self._fill_shared(rows, *_present(table.column(name)), wanted)
        return rows

    def _fill_shared(
        self, rows: list[Row], places: Iterable[int], texts: list[str], wanted: frozenset[int]
    ) -> None:
        for place, text in zip(places, texts, strict=True):
            for number, value in parse_json(text).items():
                if int(number) in wanted:
                    put(rows[place], self.paths[int(number)], value)

    def numbers(self, *names: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each metric with one of these dotted names (is it there, value) for each row. What is no number is not there.

        One reading for all of them: of a small file most of the time goes into beginning.
        """
        own = [self._columns_of_one(name) for name in names]
        plain = [None if columns is None or any(c[0] == "t" for c in columns) else columns for columns in own]
        asked = sorted({column for columns in plain for column in columns or ()})
        table = self._file.read(columns=asked, use_threads=False)
        return [
            numbers_in(list(self.rows(frozenset({name}))), name)
            if columns is None
            else _numbers_of([table.column(column) for column in columns], self.row_count)
            for name, columns in zip(names, plain, strict=True)
        ]

    def has(self, name: str) -> np.ndarray:
        """For each row whether it has anything under this dotted name."""
        import numpy as np

        columns = self._columns_of_one(name)
        if columns is None:
            return np.asarray(
                [pick(row, name) is not MISSING for row in self.rows(frozenset({name}))], np.bool_
            )
        there = np.zeros(self.row_count, np.bool_)
        if columns:
            for column in self._file.read(columns=columns, use_threads=False).columns:
                there |= column.is_valid().to_numpy()
        return there

    def _columns_of_one(self, name: str) -> list[str] | None:
        """The columns of the only path that this name can mean (none: nothing has it); None where only rows tell."""
        needed = serving(self.paths, frozenset({name}))
        if not needed:
            return []
        if len(needed) != 1 or dotted(self.paths[needed[0]]) != name:
            return None
        columns = self._columns(needed)
        return None if any(column[0] == "s" for column in columns) else columns


def numbers_in(rows: Sequence[Row], name: str) -> tuple[np.ndarray, np.ndarray]:
    """(is it there, value) for each of these rows of the metric with this dotted name."""
    import numpy as np

    found = [as_number(row, name) for row in rows]
    there = np.fromiter((value is not None for value in found), np.bool_, len(found))
    return there, np.fromiter((0.0 if value is None else value for value in found), np.float64, len(found))


def _numbers_of(columns: Sequence[pa.ChunkedArray], length: int) -> tuple[np.ndarray, np.ndarray]:
    """The columns of one metric as one: a row has a value in one of them at most."""
    import numpy as np

    if len(columns) == 1 and not columns[0].null_count:
        return np.ones(length, np.bool_), columns[0].to_numpy().astype(np.float64, copy=False)
    there, total = np.zeros(length, np.bool_), np.zeros(length, np.float64)
    for column in columns:
        there |= column.is_valid().to_numpy()
        total += column.fill_null(0).to_numpy()
    return there, total


def _fill(rows: list[Row], path: Path, places: Iterable[int], values: Iterable[Any]) -> None:
    if len(path) > 1:
        for place, value in zip(places, values, strict=True):
            put(rows[place], path, value)
        return
    (key,) = path
    for place, value in zip(places, values, strict=True):
        rows[place][key] = value


def _of_length(table: pa.Table, count: int) -> pa.Table:
    """A table read without any column has forgotten how many rows it has."""
    import pyarrow as pa

    return table if table.num_columns else pa.table({"none": pa.nulls(count, pa.int8())})


def _present(column: pa.ChunkedArray) -> tuple[Sequence[int], list[Any]]:
    """Where a column has values, and which."""
    import numpy as np
    import pyarrow as pa

    places: Sequence[int] = range(len(column))
    if column.null_count:
        places = np.flatnonzero(column.is_valid().to_numpy()).tolist()
        column = column.drop_null()
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return places, column.to_numpy().tolist()
    return places, column.to_pylist()


def as_number(row: Row, name: str) -> float | None:
    """The value of a metric as a chart can draw it, if it can."""
    value = pick(row, name)
    if value is MISSING or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
