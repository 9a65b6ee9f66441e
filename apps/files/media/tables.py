"""Tables as the client keeps them: columns and rows as JSON in one file; of an incremental one a file for each of its parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid, NotFound, TooMuch
from apps.files.media.kinds import items_of
from apps.files.media.reading import shown_at
from apps.files.media.types import Item, Kind
from apps.files.queries import list_files, read_file
from apps.runs.history import store
from apps.runs.history.paths import pick

if TYPE_CHECKING:
    from apps.files.types import OpenFile
    from apps.runs.models import Run

# A table is read whole, since JSON has no middle to begin at; beyond this it is a file to keep.
MOST_BYTES = 48 * 1024 * 1024
# Read, each takes tens of bytes more than it is written with.
MOST_VALUES = 4_000_000
MOST_COLUMNS = 500
MOST_PARTS = 1000
_NUMBERS = frozenset({int, float})
_IN_NUMBERS = frozenset("0123456789-+.ein")
_NO_TABLE = "There is no such table, or it is not shared with you."


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that came in one file: the first of them, and how many. `artifact`: the client's address of the same rows in
    an artifact, in which cells are media; in the file of the run they are the names of their kinds."""

    start: int
    count: int
    artifact: str


@dataclass(frozen=True, slots=True)
class Table:
    """`missing`: how many of its parts are no longer, or not yet, there. `parts`: where its rows come from."""

    columns: tuple[str, ...] = ()
    rows: list[Sequence[Any]] = field(default_factory=list)
    step: float | None = None
    steps: tuple[float, ...] = ()
    missing: int = 0
    parts: tuple[Part, ...] = ()


def read_table(text: bytes) -> Table:
    """A table of its own; Invalid for what is none, TooMuch for one of too many cells. A row that is no list counts as an
    empty one."""
    if jsontext.values_in(text) > MOST_VALUES:
        raise TooMuch(_too_large())
    whole = jsontext.loads(text)
    columns, rows = (whole.get(name) if isinstance(whole, Mapping) else None for name in ("columns", "data"))
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise Invalid(_("This file holds no table."))
    names = tuple(name if isinstance(name, str) else jsontext.dumps(name) for name in columns[:MOST_COLUMNS])
    return Table(names, [row if isinstance(row, list) else () for row in rows])


def _too_large() -> str:
    return _("This table is too large to be shown here. Keep it as a file instead.")


def table_at(run: Run, key: str, step: float | None = None) -> Table:
    """The table that a key holds at the step nearest to the one asked for; of an incremental one all parts up to there."""
    found = shown_at(run, [key], step)[key]
    item = next((item for item in found.items if item.kind is Kind.TABLE), None)
    if item is None:
        raise NotFound(_NO_TABLE)
    parts_told, count = _parts(run, key, found.step) if item.is_increment else ([item], 1)
    paths = [each.path for each in parts_told]
    files = {file.name: file for file in list_files(run, names=paths)}
    there = [(files[each.path], each.artifact) for each in parts_told if each.path in files]
    if not there:
        raise NotFound(_NO_TABLE)
    if sum(file.size for file, _artifact in there) > MOST_BYTES:
        raise TooMuch(_too_large())
    rows: list[Sequence[Any]] = []
    parts = []
    for file, artifact in there:
        found_in = _read(file)
        parts.append(Part(len(rows), len(found_in.rows), artifact))
        rows += found_in.rows
    return Table(found_in.columns, rows, found.step, found.steps, count - len(there), tuple(parts))


def _read(file: OpenFile) -> Table:
    return read_table(b"".join(read_file(file.file)))


def _parts(run: Run, key: str, last: float | None) -> tuple[list[Item], int]:
    """The parts of an incremental table as it stands at this step, and how many it has been told to have."""
    parts: dict[str, Item] = {}
    count = 0
    for row in store.sample_keys(run, [key], MOST_PARTS, last_step=last):
        value = pick(row, key)
        number = value.get("increment_num") if isinstance(value, Mapping) else None
        if number == 0:
            parts.clear()  # begun anew
        count = number + 1 if type(number) is int and 0 <= number < 2**31 else 0
        parts |= {item.path: item for item in items_of(value) if item.kind is Kind.TABLE}
    return list(parts.values()), max(count, len(parts))


def arranged(
    rows: Sequence[Sequence[Any]], *, column: int | None = None, descending: bool = False, text: str = ""
) -> list[int]:
    """Which rows have this text in any of their cells, by place: as they came, or in the order of a column.

    Numbers go before text, and what is missing goes last in either order.
    """
    places: Sequence[int] = range(len(rows))
    if text:
        wanted = text.casefold()
        # Most cells are numbers, and in those nobody finds a word.
        is_number = wanted[:1] in _IN_NUMBERS
        places = [place for place in places if _has(rows[place], wanted, is_number=is_number)]
    return list(places) if column is None else _ordered(rows, places, column, descending=descending)


def _has(row: Sequence[Any], wanted: str, *, is_number: bool) -> bool:
    for cell in row:
        if isinstance(cell, str):
            if wanted in cell.casefold():
                return True
        elif type(cell) in _NUMBERS:
            if is_number and wanted in repr(cell):
                return True
        elif wanted in jsontext.dumps(cell).casefold():
            return True
    return False


def _ordered(
    rows: Sequence[Sequence[Any]], places: Sequence[int], column: int, *, descending: bool
) -> list[int]:
    """Numbers and texts are sorted apart: what is compared is of one kind then, which takes a third of the time."""
    numbers: list[tuple[float, int]] = []
    texts: list[tuple[str, int]] = []
    last: list[int] = []
    for place in places:
        row = rows[place]
        value = row[column] if column < len(row) else None
        if isinstance(value, int | float) and value == value:
            numbers.append((_as_float(value), place))
        elif value is None or isinstance(value, float):
            last.append(place)
        else:
            texts.append((value.casefold() if isinstance(value, str) else jsontext.dumps(value), place))
    numbers.sort(key=itemgetter(0), reverse=descending)
    texts.sort(key=itemgetter(0), reverse=descending)
    parts = [[place for _value, place in numbers], [place for _value, place in texts]]
    return [place for part in (reversed(parts) if descending else parts) for place in part] + last


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
