"""The tables of an archive as the lines that were logged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import TooMuch
from apps.imports.errors import Broken
from apps.imports.readers.ownlog.archive import Archive
from apps.imports.readers.stretches import lines_of, stretches
from apps.runs.formats.arrow import JSON_MARK

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_CELLS_AT_ONCE = 200_000
_MOST_ROWS_AT_ONCE = 8_192
_MOST_COLUMNS = 200_000
_MOST_GROUP_BYTES = 512 * 2**20  # of a stretch of rows that is read at one go
_MARK = next(iter(JSON_MARK))


def table(archive: Archive, stem: str) -> Iterator[list[str]]:
    """The rows of `stem.parquet` or `stem.jsonl` as JSON objects. Nothing where there is no table."""
    if archive.has(f"{stem}.jsonl"):
        yield from stretches(lines_of(archive.stream(f"{stem}.jsonl")))
    elif archive.has(f"{stem}.parquet"):
        yield from stretches(_rows_of_parquet(archive, f"{stem}.parquet"))
    elif archive.has(f"{stem}.csv"):
        raise Broken(
            _(
                "This export has its histories as CSV, which keeps no types. Export once more, as Parquet or JSON Lines."
            )
        )


def _rows_of_parquet(archive: Archive, path: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with archive.seekable(path) as file:
        try:
            opened = pq.ParquetFile(file)
            _check(opened.metadata)
            yield from _rows(opened)
        except (pa.ArrowException, OSError, ValueError):
            raise Broken(_("A table of this archive cannot be read: %(path)s.") % {"path": path}) from None


def _check(found: pq.FileMetaData) -> None:
    groups = range(found.num_row_groups)
    largest = max((found.row_group(place).total_byte_size for place in groups), default=0)
    if largest > _MOST_GROUP_BYTES or found.num_columns > _MOST_COLUMNS:
        raise TooMuch(_("A table of this archive is wider than any history may be."))


def _rows(opened: pq.ParquetFile) -> Iterator[str]:
    columns = [_Column(each) for each in opened.schema_arrow]
    # A column in which nothing ever stood has no other trace: somebody logged null.
    empty = {each.name: None for each in columns if _is_empty(opened.metadata, each.name)}
    size = max(1, min(_MOST_ROWS_AT_ONCE, _CELLS_AT_ONCE // max(1, len(columns))))
    for batch in opened.iter_batches(batch_size=size):
        for row in _objects(batch, columns):
            yield jsontext.dumps(empty | row)
            empty = {}


def _is_empty(found: pq.FileMetaData, name: str) -> bool:
    place = found.schema.names.index(name)
    for group in range(found.num_row_groups):
        said = found.row_group(group).column(place)
        if said.statistics is None or said.statistics.null_count != said.num_values:
            return False
    return bool(found.num_rows)


class _Column:
    """A column of a table, and how its cells are read."""

    def __init__(self, field: pa.Field) -> None:
        import pyarrow as pa

        kind = field.type
        is_text = pa.types.is_large_string(kind) or pa.types.is_string(kind)
        is_number = pa.types.is_int64(kind) or pa.types.is_float64(kind) or pa.types.is_boolean(kind)
        if not is_text and not is_number:
            raise Broken(_("A table of this archive has a kind of column that no export has."))
        self.name = field.name
        self.is_json = is_text and _MARK in (field.metadata or {})

    def cells(self, array: pa.Array) -> list[Any]:
        cells: list[Any] = array.to_pylist()
        return [None if cell is None else jsontext.loads(cell) for cell in cells] if self.is_json else cells


def _objects(batch: pa.RecordBatch, columns: Sequence[_Column]) -> Iterator[dict[str, Any]]:
    cells = [column.cells(array) for column, array in zip(columns, batch.columns, strict=True)]
    names = [column.name for column in columns]
    for values in zip(*cells, strict=True):
        yield {name: value for name, value in zip(names, values, strict=True) if value is not None}
