"""Rows as Arrow and Parquet, written batch by batch into the answer: no file, and no more than one batch in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from apps.runs.formats.columns import (
    Column,
    Kind,
    Reread,
    batches,
    cells_of,
    columnar_of,
    columns_of,
    rows_in_batch,
)
from apps.runs.formats.whole import batches_of_whole, columns_of_whole

if TYPE_CHECKING:
    import pyarrow as pa

    from apps.runs.history.columnar import Columnar

JSON_MARK = {b"ownlog.json": b"1"}  # of a column whose cells are JSON text


_MOST_IN_GROUP = 16 * 2**20  # bytes of a stretch of rows, once they are read


class _Outlet:
    """A file to pyarrow, of which we take what has been written so far."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


def parquet(reread: Reread) -> Iterator[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    outlet, columnar = _Outlet(), columnar_of(reread)
    columns = columns_of(reread) if columnar is None else columns_of_whole(columnar)
    schema = _schema(columns)
    file = pa.PythonFile(outlet, mode="w")
    with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=_texts(columns)) as writer:
        for batch in _batches(reread, columnar, columns, schema):
            for part in _parts(batch):
                writer.write_batch(part)
                yield outlet.take()
    yield outlet.take()


def arrow_stream(reread: Reread) -> Iterator[bytes]:
    import pyarrow as pa

    outlet, columnar = _Outlet(), columnar_of(reread)
    columns = columns_of(reread) if columnar is None else columns_of_whole(columnar)
    schema = _schema(columns)
    file = pa.PythonFile(outlet, mode="w")
    with pa.ipc.new_stream(file, schema) as writer:
        for batch in _batches(reread, columnar, columns, schema):
            writer.write_batch(batch)
            yield outlet.take()
    yield outlet.take()


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """So few rows at a time that whoever reads them has room for all of them, however often a long text is repeated and however
    little that takes in the file. A row is never cut."""
    if batch.nbytes <= _MOST_IN_GROUP or batch.num_rows == 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _parts(batch.slice(0, half))
    yield from _parts(batch.slice(half))


def _schema(columns: list[Column]) -> pa.Schema:
    import pyarrow as pa

    types = {
        Kind.INTEGER: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.TEXT: pa.large_string(),
        Kind.JSON: pa.large_string(),
    }
    return pa.schema(
        [
            pa.field(
                column.name, types[column.kind], metadata=JSON_MARK if column.kind is Kind.JSON else None
            )
            for column in columns
        ]
    )


def _texts(columns: list[Column]) -> list[str]:
    """Columns in which values repeat; doubles seldom do."""
    return [column.name for column in columns if column.kind in {Kind.TEXT, Kind.JSON, Kind.BOOLEAN}]


def _batches(
    reread: Reread, columnar: Columnar | None, columns: list[Column], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    if not columns:
        return
    if columnar is not None:
        yield from batches_of_whole(columnar, columns, schema)
        return
    for batch in batches(reread(), rows_in_batch(columns)):
        arrays = [
            pa.array(cells, field.type) for cells, field in zip(cells_of(batch, columns), schema, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
