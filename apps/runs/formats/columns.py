"""Rows as columns, for the formats that have to know their columns before the first row.

A column is a dotted name. What it holds is found in a first pass over the rows: one kind of value keeps its type,
anything mixed, nested or too large becomes JSON text. Null and missing are both nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from apps.core import jsontext
from apps.runs.history.lines import by_shape
from apps.runs.history.paths import Path, Row, dotted

Reread = Callable[[], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that can be read again, and perhaps their columns as the history keeps them."""

    rows: Reread
    columnar: Callable[[], Columnar | None]

    def __call__(self) -> Iterator[Row]:
        return self.rows()


def columnar_of(reread: Reread) -> Columnar | None:
    """The columns as they are kept, where they tell all that the rows would."""
    return reread.columnar() if isinstance(reread, Source) else None


if TYPE_CHECKING:
    from apps.runs.history.columnar import Columnar

ROWS_IN_BATCH = 32_768
_CELLS_IN_BATCH = 1_000_000
_LETTERS_IN_BATCH = 32 * 2**20
_LETTERS_OF_A_VALUE = 8
_LONG = frozenset({str, list, dict})
_LEAST_ROWS = 64
_INT64 = range(-(2**63), 2**63)
EXACT_IN_DOUBLE = range(-(2**53), 2**53 + 1)


class Kind(StrEnum):
    INTEGER = "integer"  # 64 bits
    SMALL_INTEGER = "small integer"  # one that a double holds exactly
    NUMBER = "number"  # a double
    BOOLEAN = "boolean"
    TEXT = "text"
    JSON = "json"


@dataclass(slots=True)
class Column:
    """One dotted name, and what has been found under it."""

    name: str
    kinds: set[Kind] = field(default_factory=set)

    @property
    def kind(self) -> Kind:
        """The one kind that holds all of it exactly."""
        found = self.kinds
        if found <= {Kind.INTEGER, Kind.SMALL_INTEGER}:
            return Kind.INTEGER if found else Kind.JSON
        if found <= {Kind.NUMBER, Kind.SMALL_INTEGER}:
            return Kind.NUMBER
        return next(iter(found)) if len(found) == 1 else Kind.JSON


def columns_of(reread: Reread) -> list[Column]:
    """The columns of these rows, in the order of their first appearance."""
    found: dict[str, Column] = {}
    for batch in batches(reread(), ROWS_IN_BATCH // 4):
        note_kinds(found, batch)
    return list(found.values())


def note_kinds(found: dict[str, Column], batch: Sequence[Row]) -> None:
    """Note what a batch holds."""
    for shaped in by_shape(batch):
        for path, kind, values in zip(shaped.paths, shaped.kinds, shaped.columns, strict=True):
            name = name_of(path)
            column = found.get(name)
            if column is None:
                column = found[name] = Column(name)
            if len(column.kinds) < 2 or Kind.SMALL_INTEGER in column.kinds:
                column.kinds |= _kinds(kind, values)


def name_of(path: Path) -> str:
    """The dotted name, as UTF-8 can carry it."""
    return dotted(path).encode("utf-8", "backslashreplace").decode()


def _kinds(kind: type, values: Sequence[Any]) -> set[Kind]:
    if kind is float:
        return {Kind.NUMBER}
    if kind is int:
        low, high = min(values), max(values)
        if low in EXACT_IN_DOUBLE and high in EXACT_IN_DOUBLE:
            return {Kind.SMALL_INTEGER}
        return {Kind.INTEGER if low in _INT64 and high in _INT64 else Kind.JSON}
    if kind is bool:
        return {Kind.BOOLEAN}
    if kind is str:
        return {Kind.TEXT if _is_utf8(values) else Kind.JSON}
    return set() if kind is type(None) else {Kind.JSON}


def _is_utf8(texts: Sequence[str]) -> bool:
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True


def rows_in_batch(columns: Sequence[Column]) -> int:
    """So many that a batch of them fits in memory however wide it is."""
    return max(_LEAST_ROWS, min(ROWS_IN_BATCH, _CELLS_IN_BATCH // max(1, len(columns))))


def batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    """So many rows at a time, or fewer where their texts are long: a row may have ten millions of letters."""
    batch: list[Row] = []
    letters = 0
    for row in rows:
        batch.append(row)
        letters += _letters(row)
        if len(batch) == size or letters > _LETTERS_IN_BATCH:
            yield batch
            batch, letters = [], 0
    if batch:
        yield batch


def _letters(value: Any) -> int:
    """Of all texts in it, and some for each value of a list."""
    inside = value.values() if isinstance(value, dict) else value
    return _LETTERS_OF_A_VALUE * len(value) * isinstance(value, list) + sum(
        len(each) if type(each) is str else _letters(each) for each in inside if type(each) in _LONG
    )


def cells_of(batch: Sequence[Row], columns: Sequence[Column]) -> list[list[Any]]:
    """The values of a batch, a list for each column; None where a row has nothing."""
    cells: dict[str, list[Any]] = {column.name: [None] * len(batch) for column in columns}
    for shaped in by_shape(batch):
        whole = len(shaped.places) == len(batch)
        for path, values in zip(shaped.paths, shaped.columns, strict=True):
            name = name_of(path)
            if whole:
                cells[name] = list(values)
                continue
            column = cells[name]
            for place, value in zip(shaped.places, values, strict=True):
                column[place] = value
    return [
        as_json(cells[column.name]) if column.kind is Kind.JSON else cells[column.name] for column in columns
    ]


def as_json(values: Sequence[Any]) -> list[str | None]:
    return [None if value is None else jsontext.dumps(value) for value in values]
