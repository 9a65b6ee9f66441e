"""Writes what tests/imports/test_neptune.py reads, with the schema and the writer of neptune-exporter itself (it is on no index): in a checkout
of github.com/neptune-ai/neptune-exporter, of February 2026, `PYTHONPATH=src python record_neptune.py FOLDER` with pyarrow installed.

The values are ours, laid out as its documentation says, since Neptune's servers are no more. It leaves `neptune.zip`.
"""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from neptune_exporter.model import SCHEMA  # type: ignore[import-not-found]
from neptune_exporter.storage.parquet_writer import ParquetWriter  # type: ignore[import-not-found]
from neptune_exporter.utils import sanitize_path_part  # type: ignore[import-not-found]

BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
PROJECT = "birds/vision 好き"


def row(path: str, kind: str, **said: Any) -> dict[str, Any]:
    return {"attribute_path": path, "attribute_type": kind, **said}


def series(
    path: str, kind: str, column: str, values: list[tuple[str, Any]], after: int = 0
) -> list[dict[str, Any]]:
    return [
        row(path, kind, step=Decimal(step), timestamp=BEGAN + timedelta(seconds=after + n), **{column: value})
        for n, (step, value) in enumerate(values)
    ]


def save(
    writer: ParquetWriter, run: str, batches: list[list[dict[str, Any]]], project: str = PROJECT
) -> None:
    with writer.run_writer(project, run) as out:
        for rows in batches:
            whole = [{"project_id": project, "run_id": run, **each} for each in rows]
            out.save(pa.RecordBatch.from_pylist(whole, schema=SCHEMA))


def record(top: Path) -> None:
    exports = top / "exports"
    writer = ParquetWriter(exports / "data", target_part_size_bytes=1)  # so that each batch begins a part
    fields = [
        row("sys/name", "string", string_value="first ✓"),
        row("sys/description", "string", string_value="Some *words*."),
        row("sys/creation_time", "datetime", datetime_value=BEGAN),
        row("sys/owner", "string", string_value="nina"),
        row("sys/hostname", "string", string_value="her-machine"),
        row("sys/tags", "string_set", string_set_value=["a", "b"]),
        row("sys/failed", "bool", bool_value=False),
        row("params/lr", "float", float_value=1e-3),
        row("params/layers", "int", int_value=2**62),
        row("params/flag", "bool", bool_value=True),
        row("params/nan", "float", float_value=float("nan")),
        row("params/when", "datetime", datetime_value=BEGAN),
        row("params/set", "string_set", string_set_value=["x", "y"]),
    ]
    loss = series("metrics/loss", "float_series", "float_value", [(str(n), 1 / (n + 1)) for n in range(300)])
    rest = [
        *series("metrics/odd", "float_series", "float_value", [("0", float("nan")), ("5", float("-inf"))]),
        *series("metrics/word", "string_series", "string_value", [("1", "é"), ("2", "two")]),
        *series(
            "weights", "histogram_series", "histogram_value",
            [("2", {"type": "COUNTING", "edges": [0.0, 0.5, 1.0], "values": [3.0, 4.0]})],
        ),
        *series("monitoring/cpu", "float_series", "float_value", [("0", 12.5), ("1", 25.0)], after=2),
        *series("runtime/stdout", "string_series", "string_value", [("0", "first line"), ("1", "second ✓")]),
        *series("runtime/stderr", "string_series", "string_value", [("0", "wrong")]),
        row("model/weights", "file", file_value={"path": "RUN-1/model/weights.bin"}),
        row("source", "file_set", file_value={"path": "RUN-1/source"}),
        row("gone", "file", file_value={"path": "RUN-1/gone.bin"}),
        *series("drawn", "file_series", "file_value", [("0.5", {"path": "RUN-1/drawn/step_0_5.txt"})]),
    ]  # fmt: skip
    save(writer, "RUN-1", [fields, loss, rest])
    half = series("loss", "float_series", "float_value", [("0.5", 3.0), ("0.1", 1.0), ("0.25", 2.0)])
    save(writer, "half/steps", [[row("sys/failed", "bool", bool_value=True), *half]])
    save(writer, "M-1", [[row("sys/name", "string", string_value="of others")]], project="birds/other")
    model = ParquetWriter(exports / "model_data" / sanitize_path_part(PROJECT) / "models")
    with model.run_writer("x", "MODEL-1") as out:
        out.save(pa.RecordBatch.from_pylist([{"project_id": PROJECT, "run_id": "MODEL-1"}], schema=SCHEMA))
    files = exports / "files" / sanitize_path_part(PROJECT) / "RUN-1"
    for name in ("model/weights.bin", "source/a.txt", "source/deep/b.txt", "drawn/step_0_5.txt"):
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_bytes(b"weights" if "model" in name else name.encode())
    shutil.make_archive(str(top / "neptune"), "zip", top, "exports")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
