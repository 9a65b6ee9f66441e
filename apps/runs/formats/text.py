"""Rows as text: JSON, JSON Lines, CSV. Numbers are written so that reading them gives the same number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from apps.core import jsontext
from apps.runs.formats.columns import Reread, batches, cells_of, columns_of, rows_in_batch

_LETTERS_IN_BLOCK = 64 * 1024


def json_rows(reread: Reread) -> Iterator[bytes]:
    """One array of objects."""
    yield b"["
    between = ""
    for block in _blocks(map(jsontext.dumps, reread()), ",\n"):
        yield (between + block).encode()
        between = ",\n"
    yield b"]\n"


def ndjson(reread: Reread) -> Iterator[bytes]:
    """One object a line."""
    for block in _blocks(map(jsontext.dumps, reread()), "\n"):
        yield (block + "\n").encode()


def _blocks(texts: Iterable[str], between: str) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size > _LETTERS_IN_BLOCK:
            yield between.join(held)
            held.clear()
            size = 0
    if held:
        yield between.join(held)


def csv_rows(reread: Reread) -> Iterator[bytes]:
    """A head and a line for each row; nothing where a row has nothing, or null. Text is written as it is."""
    columns = columns_of(reread)
    if not columns:
        return
    yield _lines([[column.name for column in columns]])
    for batch in batches(reread(), rows_in_batch(columns)):
        cells = cells_of(batch, columns)
        yield _lines(zip(*(map(_cell, column) for column in cells), strict=True))


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerows(rows)
    return sink.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if type(value) is str else jsontext.dumps(value)
