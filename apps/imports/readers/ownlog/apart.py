"""Parquet, read in a process that may have little memory (ADR 0252). What a file says of its sizes is believed by the library that
opens it, so nothing that is done beside it bounds what it takes: only the machine does, also how long it reckons. It ends with
whoever asks it.

Run by `tables` as a program of its own, without settings and without what the environment holds. It asks for the bytes that it
needs, and gives lines.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

Rows = Callable[["pq.ParquetFile", bytes], Iterator[str | int]]  # or how many were read and not given
FRAME = struct.Struct("<cQ")  # what it is, and how many bytes of it follow or are asked for
TABLE, BYTES, LINES, PASSED, END, TOO_MUCH, UNKNOWN = b"T", b"B", b"L", b"P", b"E", b"M", b"K"
WHERE = struct.Struct("<Q")
MOST_AT_ONCE = 2**20  # bytes of the file that are asked for
_CELLS_AT_ONCE = 200_000
_MOST_ROWS_AT_ONCE = 8_192
_BYTES_AT_ONCE = 16 * 2**20
_MOST_COLUMNS = 200_000
_LETTERS = 512 * 1024
BYTES_A_SECOND = 64 * 1024  # of a table: hundred times as fast it is read
_PR_SET_PDEATHSIG = 1


class _Unknown(Exception):
    """A column of a kind that no export has."""


class _Asked:
    """The table as a file, of which each stretch is asked for."""

    closed = False

    def __init__(self, size: int) -> None:
        self._size, self._at = size, 0

    def read(self, wanted: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        wanted = left if wanted < 0 else min(wanted, left)
        parts = []
        while wanted:
            part = _ask(self._at, min(wanted, MOST_AT_ONCE))
            self._at += len(part)
            wanted -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def size(self) -> int:
        return self._size

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return True

    def flush(self) -> None: ...

    def close(self) -> None: ...


def _ask(at: int, size: int) -> bytes:
    _give(BYTES, WHERE.pack(at), size=size)
    found = sys.stdin.buffer.read(size)
    if len(found) < size:
        raise EOFError
    return found


def _give(kind: bytes, data: bytes = b"", *, size: int | None = None) -> None:
    out = sys.stdout.buffer
    out.write(FRAME.pack(kind, len(data) if size is None else size))
    out.write(data)
    out.flush()


def _table(size: int, mark: bytes, rows: Rows) -> None:
    import pyarrow.parquet as pq

    held: list[str] = []
    letters = 0
    for line in rows(pq.ParquetFile(_Asked(size), memory_map=False, pre_buffer=False), mark):
        if isinstance(line, int):
            _give(PASSED, size=line)
            continue
        held.append(line)
        letters += len(line)
        if letters > _LETTERS:
            _give(LINES, _joined(held))
            held, letters = [], 0
    if held:
        _give(LINES, _joined(held))


def _joined(lines: Sequence[str]) -> bytes:
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _rows(opened: pq.ParquetFile, mark: bytes) -> Iterator[str]:
    from apps.core import jsontext

    found = opened.metadata
    if found.num_columns > _MOST_COLUMNS:
        raise MemoryError
    columns = [_Column(each, mark) for each in opened.schema_arrow]
    # A column in which nothing ever stood has no other trace: somebody logged null.
    empty = {columns[place].name: None for place in _empty(found)}
    for number in range(found.num_row_groups):
        size = rows_at_once(found.row_group(number), len(columns))
        for batch in opened.iter_batches(batch_size=size, row_groups=[number], use_threads=False):
            for row in _objects(batch, columns):
                yield jsontext.dumps(empty | row)
                empty = {}


def rows_at_once(group: pq.RowGroupMetaData, columns: int) -> int:
    longest = max(1, int(group.total_byte_size) // max(1, int(group.num_rows)))
    return max(1, min(_MOST_ROWS_AT_ONCE, _CELLS_AT_ONCE // max(1, columns), _BYTES_AT_ONCE // longest))


def _empty(found: pq.FileMetaData) -> list[int]:
    """The places of the columns without a value. Of most the first group of rows tells that they have some."""
    places = list(range(found.num_columns)) if found.num_rows else []
    for number in range(found.num_row_groups):
        if not places:
            break
        group = found.row_group(number)
        places = [each for each in places if _is_empty(group.column(each))]
    return places


def _is_empty(said: pq.ColumnChunkMetaData) -> bool:
    statistics = said.statistics
    return statistics is not None and statistics.null_count == said.num_values


class _Column:
    """A column of a table, and how its cells are read."""

    def __init__(self, field: pa.Field, mark: bytes) -> None:
        import pyarrow as pa

        kind = field.type
        is_text = pa.types.is_large_string(kind) or pa.types.is_string(kind)
        is_number = pa.types.is_int64(kind) or pa.types.is_float64(kind) or pa.types.is_boolean(kind)
        if not is_text and not is_number:
            raise _Unknown
        self.name = field.name
        self.is_json = is_text and mark in (field.metadata or {})


def _objects(batch: pa.RecordBatch, columns: Sequence[_Column]) -> Iterator[dict[str, Any]]:
    """Row by row: JSON is many times as large once it is read."""
    from apps.core import jsontext

    cells = [array.to_pylist() for array in batch.columns]
    names = [column.name for column in columns]
    texts = [column.name for column in columns if column.is_json]
    for values in zip(*cells, strict=True):
        row = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for name in texts:
            if name in row:
                row[name] = jsontext.loads(row[name])
        yield row


def _bound(room: int) -> None:
    """From here on there is so much memory and no more, and what is in it gets into no file."""
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for limit, most in (
        (resource.RLIMIT_AS, held + room),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))


def _end_with_parent() -> None:
    """However that ends. While it reckons, nothing else would tell it that nobody waits any more."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _bound_time(seconds: int) -> None:
    """So long it may reckon from here on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(
        resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
    )


def _ended(size: int, mark: bytes, rows: Rows) -> bytes:
    """How a table ended. All else that may be wrong with one ends this process: it is nothing but its reader."""
    try:
        _table(size, mark, rows)
    except MemoryError:  # pyarrow's own is one too
        return TOO_MUCH
    except _Unknown:
        return UNKNOWN
    return END


def serve(asked: BinaryIO, room: int, seconds: int, rows: Rows = _rows) -> None:
    """Tables one after another, until nobody asks any more. After one that could not be read there is no other."""
    _end_with_parent()
    _bound(room)
    while len(head := asked.read(FRAME.size)) == FRAME.size:
        _kind, size = FRAME.unpack(head)
        _bound_time(seconds + size // BYTES_A_SECOND)
        mark = asked.read(WHERE.unpack(asked.read(WHERE.size))[0])
        end = _ended(size, mark, rows)
        _give(end)
        if end != END:
            return


if __name__ == "__main__":
    import pyarrow as pa
    import pyarrow.parquet

    import apps.core.jsontext  # noqa: F401  (before there is little room)

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    serve(sys.stdin.buffer, int(sys.argv[1]), int(sys.argv[2]))
