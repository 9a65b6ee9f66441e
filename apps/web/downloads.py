"""Names and cells of what people take away with them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from django.utils.http import content_disposition_header

_LONGEST_NAME = 180
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_ROWS_AT_ONCE = 1000


def attachment(name: str) -> str:
    """The header that has a file kept under the last part of `name`, without letters that would turn or hide its end."""
    last = name.rsplit("/", 1)[-1]
    plain = "".join(letter if letter.isprintable() else "_" for letter in last)[-_LONGEST_NAME:]
    return content_disposition_header(as_attachment=True, filename=plain) or "attachment"


def csv_lines(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[bytes]:
    """A table as CSV, some rows at a time. Text that a spreadsheet would run is marked as text."""
    writer = csv.writer(_Echo())
    held = [_line(writer, head)]
    for row in rows:
        held.append(_line(writer, row))
        if len(held) == _ROWS_AT_ONCE:
            yield "".join(held).encode("utf-8", "replace")
            held.clear()
    yield "".join(held).encode("utf-8", "replace")


class _Echo:
    """What the writer writes comes back from `writerow`."""

    @staticmethod
    def write(text: str) -> str:
        return text


def _line(writer: object, row: Sequence[object]) -> str:
    return str(writer.writerow([_cell(value) for value in row]))  # type: ignore[attr-defined]


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
