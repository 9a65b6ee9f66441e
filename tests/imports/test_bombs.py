"""Archives that are small and open to far more than anybody has memory for: refused in words, and the worker has hardly grown."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.core.errors import TooMuch
from apps.imports.errors import Broken
from apps.imports.readers.ownlog import tables
from apps.imports.readers.ownlog.apart import _rows
from apps.imports.readers.ownlog.archive import Archive
from apps.imports.readers.ownlog.tables import Tables
from apps.runs.formats.arrow import parquet
from tests.imports.conftest import listing, zipped

ROOT = Path(__file__).parents[2]
ROOM = 72 * 2**20


def written(columns: dict[str, Any], **how: Any) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table(columns), held, compression="zstd", **how)
    return held.getvalue()


def packed(table: bytes) -> bytes:
    return zipped(listing({"h.parquet": table}, format="ownlog-export/1"))


def read(archive: bytes) -> Iterator[Any]:
    opened = Tables(Archive(io.BytesIO(archive)))
    try:
        for stretch in opened.rows("h"):
            yield from map(json.loads, stretch)
    finally:
        opened.close()


# ── Parquet ──


def one_text_in_every_row() -> bytes:
    """A dictionary of one word, and some hundred rows that say it."""
    row = pa.DictionaryArray.from_arrays(pa.array([0] * 256, pa.int32()), pa.array(["x" * 2**20]))
    return written({"text": row}, store_schema=False)


def one_text_that_is_all() -> bytes:
    size = ROOM + 2**23
    ends = pa.py_buffer(struct.pack("<qq", 0, size))
    text = pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(b"x" * size))
    return written({"text": text}, use_dictionary=False, write_statistics=False)


def json_of_nothing() -> bytes:
    field = pa.field("text", pa.large_string(), metadata={b"ownlog.json": b"1"})
    held = io.BytesIO()
    pq.write_table(pa.table([["[" + "[]," * 3_000_000 + "[]]"]], schema=pa.schema([field])), held)
    return held.getvalue()


PARQUET: dict[str, Callable[[], bytes]] = {
    "one text in every row": one_text_in_every_row,
    "one text that is all": one_text_that_is_all,
    "json of nothing": json_of_nothing,
}


_READ = """
import django, resource, sys
from pathlib import Path
django.setup()
from apps.core.errors import OwnlogError
from apps.imports.readers.ownlog import tables
from apps.imports.readers.ownlog.apart import _rows
from apps.imports.readers.ownlog.archive import Archive
tables._ROOM = int(sys.argv[2])
def refused(path):
    with path.open("rb") as file:
        opened = tables.Tables(Archive(file))
        try:
            for stretch in opened.rows("h"):
                pass
        except OwnlogError as error:
            return f"{type(error).__name__}: {error}"
        finally:
            opened.close()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(Path(sys.argv[1]).iterdir()):
    print(path.name, refused(path), sep="|")
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_tables_that_open_to_more_than_there_is_room_for(tmp_path: Path) -> None:
    """Each in a process of its own, which may have no more; the one that asked for it has not grown."""
    for name, make in PARQUET.items():
        (tmp_path / name).write_bytes(packed(make()))
        assert (tmp_path / name).stat().st_size < 2**20

    done = subprocess.run(
        [sys.executable, "-c", _READ, str(tmp_path), str(ROOM)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    *said, last = done.stdout.splitlines()
    grown, apart = map(int, last.split())
    assert said == [
        f"{name}|TooMuch: A table of this archive takes more memory than any history may: h.parquet."
        for name in sorted(PARQUET)
    ]
    assert grown < 64 * 1024
    assert apart < ROOM // 1024 + 128 * 1024


def test_long_texts_of_an_honest_run_are_never_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that repeat take next to nothing in the file, and all of it once they are read. A quarter of the room is enough."""
    monkeypatch.setattr(tables, "_ROOM", 128 * 2**20)
    again, last = "好き " * 50_000, "é" * 5_000_000
    rows = [{"_step": n, "again": again, "other": f"{n}" * 1000} for n in range(400)]
    rows.append({"_step": 400, "again": last, "none": None})
    archive = packed(b"".join(parquet(lambda: iter(rows))))

    came = read(archive)

    for n, row in enumerate(came):
        assert row | {"none": None} == rows[n] | {"none": None}
    assert n == 400


@pytest.mark.parametrize("place", range(0, 240, 30))
def test_a_table_whose_head_lies(place: int) -> None:
    """Bytes of what it says of itself, one after another, are the largest that there are."""
    table = written({"_step": list(range(100)), "text": [f"{n}" for n in range(100)]})
    (size,) = struct.unpack("<I", table[-8:-4])
    at = len(table) - 8 - size + place
    table = table[:at] + b"\xff" * 3 + table[at + 3 :]

    with suppress(Broken, TooMuch):
        assert len(list(read(packed(table)))) <= 100


def test_a_table_that_goes_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_ALWAYS_ALLOWED", 10 * 2**20)
    table = written({"text": pa.array(["x" * 1000]).take(pa.array([0] * 100_000))}, row_group_size=1000)

    with pytest.raises(TooMuch, match="far more than it is"):
        for _row in read(packed(table)):
            pass


def test_a_table_of_many_columns_is_read_in_time_that_grows_as_they_do() -> None:
    table = written({f"metric/{n}": [0.5] for n in range(8_000)})
    opened = pq.ParquetFile(io.BytesIO(table))
    begun = time.process_time()

    (line,) = _rows(opened, b"")

    assert len(json.loads(line)) == 8_000
    assert time.process_time() - begun < 2
