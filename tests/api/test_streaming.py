"""Long answers are made as they are read."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.api.renderers import ROW_FORMATS, ArrowRows, CsvRows, ParquetRows, RowsRenderer

# Together 19 MiB as Python has them. Columns hold a batch of them at a time, the others one row.
ROWS = 60_000
MOST_BYTES = {
    "json": 4 * 2**20,
    "ndjson": 4 * 2**20,
    "csv": 30 * 2**20,
    "parquet": 30 * 2**20,
    "arrow": 30 * 2**20,
}


def rows() -> Iterator[dict[str, Any]]:
    return ({"_step": n, "loss": n / 7, "note": f"row {n}", "_timestamp": 1.7e9 + n} for n in range(ROWS))


@pytest.mark.parametrize("form", ROW_FORMATS, ids=lambda form: form.format)
def test_memory_does_not_grow_with_the_rows(form: type[RowsRenderer]) -> None:
    first = next(iter(form.write(rows)))  # what is imported at first use
    assert isinstance(first, bytes)
    tracemalloc.start()
    try:
        total = sum(map(len, form.write(rows)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert total > 250_000
    assert peak < MOST_BYTES[form.format]


@pytest.mark.parametrize(
    ("form", "read"),
    [
        (ParquetRows, lambda body: pq.read_table(io.BytesIO(body)).num_rows),
        (ArrowRows, lambda body: pa.ipc.open_stream(io.BytesIO(body)).read_all().num_rows),
        (CsvRows, lambda body: body.count(b"\n") - 1),
    ],
)
def test_all_batches_arrive(form: type[RowsRenderer], read: Callable[[bytes], int]) -> None:
    assert read(b"".join(form.write(rows))) == ROWS


def test_json_is_one_document_however_many_blocks() -> None:
    from apps.runs.formats.text import json_rows

    assert len(json.loads(b"".join(json_rows(rows)))) == ROWS
