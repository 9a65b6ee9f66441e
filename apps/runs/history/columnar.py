"""A stream column by column, as compacted lines lie: for tables of all of it, which need no rows in between.

What has not been compacted yet comes as rows, in its place among the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.runs.history.codec import ROWS_IN_GROUP, SegmentReader
from apps.runs.history.paths import DEEPEST_PATH, MISSING, Row, dotted, pick, serving
from apps.runs.history.pieces import Piece, SegmentPiece

if TYPE_CHECKING:
    import pyarrow as pa

# A row group is read whole: so many cells of it fit in memory.
_MOST_CELLS = 64 * ROWS_IN_GROUP


@dataclass(frozen=True, slots=True)
class RawColumns:
    """Some rows: for each name its values as they lie, by kind: `d` doubles, `i` integers, `t` JSON texts."""

    row_count: int
    columns: dict[str, dict[str, pa.Array]] = field(default_factory=dict)


Block = RawColumns | list[Row]


class Columnar:
    """The blocks of a stream in order, the same ones however often they are asked for."""

    def __init__(self, pieces: Sequence[Piece], keys: Sequence[str] | None) -> None:
        self._pieces, self._keys = pieces, keys

    def blocks(self, kinds: str = "dit") -> Iterator[Block]:
        """All blocks; of compacted lines the columns of these kinds alone. Rows that have none of the keys are left out."""
        for piece in self._pieces:
            if isinstance(piece, SegmentPiece):
                yield from self._columns_of(piece.reader, kinds)
            else:
                yield list(self._rows_of(piece))

    def kinds_of(self) -> Iterator[tuple[str, str]]:
        """Each name with each kind that it has somewhere in compacted lines, without a look at the values."""
        for piece in self._pieces:
            if isinstance(piece, SegmentPiece):
                for name, columns in _columns(piece.reader, self._keys).items():
                    yield from ((name, column[0]) for column in columns)

    def _columns_of(self, reader: SegmentReader, kinds: str) -> Iterator[RawColumns]:
        wanted = _columns(reader, self._keys)
        asked = [column for columns in wanted.values() for column in columns if column[0] in kinds]
        for table in reader.groups(asked):
            found = {
                name: {
                    column[0]: table.column(column).combine_chunks()
                    for column in columns
                    if column[0] in kinds
                }
                for name, columns in wanted.items()
            }
            # To leave rows out one has to see all that they hold.
            is_whole = self._keys is not None and kinds == "dit"
            yield _filled(table.num_rows, found) if is_whole else RawColumns(table.num_rows, found)

    def _rows_of(self, piece: Piece) -> Iterator[Row]:
        if self._keys is None:
            yield from piece.rows()
            return
        for row in piece.rows():
            picked = {name: value for name in self._keys if (value := pick(row, name)) is not MISSING}
            if picked:
                yield picked


def _filled(row_count: int, columns: dict[str, dict[str, pa.Array]]) -> RawColumns:
    """Those rows that have anything."""
    import numpy as np
    import pyarrow as pa

    there = np.zeros(row_count, np.bool_)
    for by_kind in columns.values():
        for array in by_kind.values():
            there |= array.is_valid().to_numpy(zero_copy_only=False)
    if there.all():
        return RawColumns(row_count, columns)
    kept = pa.array(there)
    filtered = {
        name: {kind: array.filter(kept) for kind, array in by_kind.items()}
        for name, by_kind in columns.items()
    }
    return RawColumns(int(there.sum()), filtered)


def columnar(pieces: Sequence[Piece], keys: Sequence[str] | None) -> Columnar | None:
    """The stream by columns; None where only rows tell what it holds: several writers, very many or ambiguous names."""
    if len({piece.writer for piece in pieces}) > 1:
        return None
    readers = [piece.reader for piece in pieces if isinstance(piece, SegmentPiece)]
    if not readers or not all(_is_plain(reader, keys) for reader in readers):
        return None
    return Columnar(pieces, keys)


def _is_plain(reader: SegmentReader, keys: Sequence[str] | None) -> bool:
    """Does each name stand for one path with columns of its own?"""
    if any(len(path) >= DEEPEST_PATH for path in reader.paths):
        return False
    if keys is not None:
        needed = {key: serving(reader.paths, frozenset({key})) for key in keys}
        if any(
            places and (len(places) > 1 or dotted(reader.paths[places[0]]) != key)
            for key, places in needed.items()
        ):
            return False
    columns = _columns(reader, keys)
    count = sum(map(len, columns.values()))
    is_own = all(column[0] in "dit" for names in columns.values() for column in names)
    is_alone = keys is not None or len(columns) == len(reader.paths)
    return is_own and is_alone and count * ROWS_IN_GROUP <= _MOST_CELLS


def _columns(reader: SegmentReader, keys: Sequence[str] | None) -> dict[str, list[str]]:
    """The columns of each name in a segment, in the order of the names."""
    names = {dotted(path): number for number, path in enumerate(reader.paths)}
    asked = names if keys is None else [key for key in dict.fromkeys(keys) if key in names]
    return {name: reader.columns_of(names[name]) for name in asked}
