"""Neptune's tables, read in a process that may have little memory, as those of an export are (`ownlog.apart`, ADR 0252). What is given
for a row is its path, its kind, its step in millionths, its moment in milliseconds, and its value."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from apps.imports.readers.ownlog.apart import rows_at_once, serve

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

VALUES = {
    "int": "int_value",
    "float": "float_value",
    "string": "string_value",
    "bool": "bool_value",
    "datetime": "datetime_value",
    "string_set": "string_set_value",
    "float_series": "float_value",
    "string_series": "string_value",
    "histogram_series": "histogram_value",
    "file": "file_value",
    "file_set": "file_value",
    "artifact": "file_value",
    "file_series": "file_value",
}
_ALWAYS = ("project_id", "run_id", "attribute_path", "attribute_type", "step", "timestamp")


def rows(opened: pq.ParquetFile, mark: bytes) -> Iterator[str | int]:
    """Whose they are, and then those of the kinds that were asked for, if any; and how many others there were, some at a time."""
    from apps.core import jsontext

    wanted = [each for each in mark.decode().split(",") if each]
    columns = [*_ALWAYS, *dict.fromkeys(VALUES[kind] for kind in wanted)]
    if set(columns) - set(opened.schema_arrow.names):
        raise ValueError
    is_first = True
    for number in range(opened.metadata.num_row_groups):
        size = rows_at_once(opened.metadata.row_group(number), opened.metadata.num_columns)
        for batch in opened.iter_batches(
            batch_size=size, row_groups=[number], columns=columns, use_threads=False
        ):
            cells = {name: _cells(batch.column(name)) for name in columns}
            if is_first and batch.num_rows:
                is_first = False
                yield jsontext.dumps([cells["project_id"][0], cells["run_id"][0]])
                if not wanted:
                    return
            passed = 0
            for at, kind in enumerate(cells["attribute_type"]):
                if kind not in wanted:
                    passed += 1
                else:
                    said = [
                        cells[name][at] for name in ("attribute_path", "attribute_type", "step", "timestamp")
                    ]
                    yield jsontext.dumps([*said, cells[VALUES[kind]][at]])
            if passed:
                yield passed


def _cells(array: pa.Array) -> list[object]:
    import pyarrow as pa

    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("ms", tz=array.type.tz)).cast(pa.int64())
    cells: list[object] = array.to_pylist()
    if pa.types.is_decimal(array.type):
        return [None if each is None else int(each.scaleb(6)) for each in cells]  # type: ignore[attr-defined]
    return cells


if __name__ == "__main__":
    import pyarrow as pa
    import pyarrow.parquet

    import apps.core.jsontext  # noqa: F401  (before there is little room)

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    serve(sys.stdin.buffer, int(sys.argv[1]), int(sys.argv[2]), rows)
