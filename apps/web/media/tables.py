"""A logged table as a page of it: some rows, in the order and with the words that were asked for, cells as they read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apps.core import jsontext
from apps.files.media.kinds import items_of
from apps.files.media.tables import Table, arranged
from apps.files.media.types import Item, Kind
from apps.files.queries import list_files
from apps.web.links import with_query
from apps.web.values import is_number

if TYPE_CHECKING:
    from apps.runs.models import Run

ROWS_ON_PAGE = 50
_LONGEST_CELL = 400
_MOST_ITEMS_IN_CELL = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a table asks for; a column by its place, from 1, downwards with a minus."""

    order: int = 0
    text: str = ""
    page: int = 0

    def query(self, **other: Any) -> dict[str, str]:
        known = {"order": self.order, "q": self.text, "page": self.page} | other
        return {name: str(value) for name, value in known.items() if value}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    url: str
    is_up: bool = False
    is_down: bool = False
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class TableCell:
    """A value in words, or the things that it stands for: `pictures` are the ends of addresses."""

    text: str
    is_number: bool = False
    is_empty: bool = False
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TablePage:
    columns: tuple[Column, ...]
    rows: tuple[tuple[int, tuple[TableCell, ...]], ...]
    found: int
    first: int
    last: int
    earlier: str
    later: str


def table_page(
    run: Run, table: Table, asked: Asked, *, url: str, place: Mapping[str, str], most: int = ROWS_ON_PAGE
) -> TablePage:
    """The rows of one page. `url` and `place` lead to this table; numbers of rows are those that they have in the file."""
    column = abs(asked.order) - 1 if 0 < abs(asked.order) <= len(table.columns) else None
    places = arranged(table.rows, column=column, descending=asked.order < 0, text=asked.text)
    start = min(asked.page, max(0, len(places) - 1) // most) * most
    shown = places[start : start + most]
    rows = [table.rows[each] for each in shown]
    pictures = _pictures(run, rows)

    def to(**other: Any) -> str:
        return with_query(url, dict(place) | asked.query(**other))

    columns = tuple(
        Column(
            name,
            to(order=-number if asked.order == number else number, page=0),
            asked.order == number,
            asked.order == -number,
            all(number > len(row) or row[number - 1] is None or is_number(row[number - 1]) for row in rows),
        )
        for number, name in enumerate(table.columns, 1)
    )
    return TablePage(
        columns,
        tuple(
            (
                each + 1,
                tuple(_cell(row[at] if at < len(row) else None, pictures) for at in range(len(columns))),
            )
            for each, row in zip(shown, rows, strict=True)
        ),
        len(places),
        start + 1 if shown else 0,
        start + len(shown),
        to(page=start // most - 1) if start else "",
        to(page=start // most + 1) if start + most < len(places) else "",
    )


def _cell(value: Any, pictures: set[str]) -> TableCell:
    if value is None:
        return TableCell("–", is_empty=True)
    shown = tuple(
        quote(item.path.encode("utf-8", "replace")) for item in _items(value) if item.path in pictures
    )
    text = value if isinstance(value, str) else jsontext.dumps(value)
    return TableCell(text[:_LONGEST_CELL], is_number(value), pictures=shown)


def _items(value: Any) -> Iterable[Item]:
    """The pictures that a cell holds, as the client writes them into the table of an artifact."""
    return [item for item in items_of(value) if item.kind is Kind.IMAGE][:_MOST_ITEMS_IN_CELL]


def _pictures(run: Run, rows: Sequence[Sequence[Any]]) -> set[str]:
    paths = {item.path for row in rows for cell in row if isinstance(cell, Mapping) for item in _items(cell)}
    return {file.name for file in list_files(run, names=paths)} if paths else set()
