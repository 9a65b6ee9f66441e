"""A logged table as a page of it: some rows, in the order and with the words that were asked for, cells as they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apps.core import jsontext
from apps.files.media.tables import Table, arranged
from apps.files.media.types import Kind
from apps.web.links import with_query
from apps.web.media.cells import filled, items_in
from apps.web.values import is_number

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.runs.models import Run

ROWS_ON_PAGE = 50
_LONGEST_CELL = 400


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
class CellThing:
    """One medium of a cell. `owner`: the address of the run or of the version of an artifact that holds its file."""

    kind: Kind
    owner: str
    path: str
    words: str

    @property
    def quoted(self) -> str:
        return quote(self.path.encode("utf-8", "replace"))

    @property
    def label(self) -> str:
        return self.words or self.path.rpartition("/")[2]

    @property
    def is_picture(self) -> bool:
        return self.kind is Kind.IMAGE or self.path.lower().endswith(".gif")


@dataclass(frozen=True, slots=True)
class TableCell:
    """A value in words, or the things that it stands for, where their bytes are here."""

    text: str
    is_number: bool = False
    is_empty: bool = False
    things: tuple[CellThing, ...] = ()


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
    run: Run,
    table: Table,
    asked: Asked,
    *,
    actor: Actor,
    url: str,
    place: Mapping[str, str],
    most: int = ROWS_ON_PAGE,
) -> TablePage:
    """The rows of one page. `url` and `place` lead to this table; numbers of rows are those that they have in the file."""
    column = abs(asked.order) - 1 if 0 < abs(asked.order) <= len(table.columns) else None
    places = arranged(table.rows, column=column, descending=asked.order < 0, text=asked.text)
    start = min(asked.page, max(0, len(places) - 1) // most) * most
    shown = places[start : start + most]
    rows, owners = filled(run, table, shown, actor)

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
                tuple(_cell(row[at] if at < len(row) else None, owners) for at in range(len(columns))),
            )
            for each, row in zip(shown, rows, strict=True)
        ),
        len(places),
        start + 1 if shown else 0,
        start + len(shown),
        to(page=start // most - 1) if start else "",
        to(page=start // most + 1) if start + most < len(places) else "",
    )


def _cell(value: Any, owners: Mapping[str, str]) -> TableCell:
    if value is None:
        return TableCell("–", is_empty=True)
    things = tuple(
        CellThing(item.kind, owners[item.path], item.path, item.caption)
        for item in items_in(value)
        if item.path in owners
    )
    text = value if isinstance(value, str) else jsontext.dumps(value)
    return TableCell(text[:_LONGEST_CELL], is_number(value), things=things)
