"""A group of runs as a row of the table: what they have in common, how many they are, what their numbers come to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.errors import Invalid
from apps.runs.fields import Listed, getter
from apps.runs.groups import RunGroup, spread
from apps.runs.history.paths import MISSING
from apps.runs.types import RunState
from apps.web.colours import run_colour, swatch_class
from apps.web.columns import Column, title_of
from apps.web.figures import exact, figure, grouped, setting
from apps.web.states import state_word
from apps.web.trees import written
from apps.web.values import is_number

if TYPE_CHECKING:
    from apps.web.listing import Listing

_LONGEST_CELL = 120
_MOST_LISTED = 2


@dataclass(frozen=True, slots=True)
class GroupCell:
    """The mean with the least and the most under it, or what the runs have in common."""

    text: str
    least: str = ""
    most: str = ""
    is_number: bool = False
    pin: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A key in words and the value that the runs of a group share there; a text tells by itself what it is."""

    name: str
    value: str
    is_text: bool


@dataclass(frozen=True, slots=True)
class GroupRow:
    id: str
    place: int
    href: str
    parts: list[Part]
    count: int
    running: int
    is_open: bool
    is_drawn: bool
    rank: int
    created_at: datetime
    cells: list[GroupCell]
    is_group: bool = True

    @property
    def title(self) -> str:
        return group_title(self.parts)

    @property
    def colour(self) -> int:
        return run_colour(self.rank)

    @property
    def swatch(self) -> str:
        return swatch_class(self.colour) if self.is_drawn else "none"

    def at(self, place: int) -> GroupRow:
        return replace(self, place=place)


def group_row(
    group: RunGroup, columns: Sequence[Column], asked: Listing, drawn: Collection[str], *, href: str
) -> GroupRow:
    """The group without its place in the table."""
    return GroupRow(
        id=group.id,
        place=0,
        href=href,
        parts=group_parts(group, asked.groups),
        count=len(group.runs),
        running=sum(run.state == RunState.RUNNING for run in group.runs),
        is_open=group.id in asked.unfolded,
        is_drawn=any(run.public_id in drawn for run in group.runs),
        rank=group.rank,
        created_at=max(run.created_at for run in group.runs),
        cells=[_cell(column, group.runs) for column in columns],
    )


def group_parts(group: RunGroup, keys: Sequence[str]) -> list[Part]:
    """Each key in words with the value that the runs share."""
    return [
        Part(title_of(key), _shared(key, value), isinstance(value, str) and value != "")
        for key, value in zip(keys, group.values, strict=True)
    ]


def _shared(key: str, value: Any) -> str:
    return state_word(RunState(value)) if key == "state" and value in set(RunState) else _written(value)


def group_title(parts: Sequence[Part]) -> str:
    """The group in one line."""
    return ", ".join(f"{part.name} {part.value}" for part in parts)


def _cell(column: Column, runs: Sequence[Listed]) -> GroupCell:
    try:
        get = getter(column.order)
    except Invalid:
        return GroupCell("", pin=column.pin)
    write = figure if column.kind == "summary_metrics" else setting
    if column.is_number and (found := spread(runs, get)) is not None:
        least, most = write(found.least), write(found.most)
        is_one = found.least == found.most
        mean = least if is_one else write(found.mean)
        return GroupCell(mean, "" if is_one else least, "" if is_one else most, True, column.pin)
    words = list(dict.fromkeys(_written(get(run)) for run in runs))
    if len(words) <= _MOST_LISTED:
        return GroupCell(
            ", ".join(words) if words != [_nothing()] else "", is_number=column.is_number, pin=column.pin
        )
    text = ngettext("%(n)s value", "%(n)s values", len(words)) % {"n": grouped(len(words))}
    return GroupCell(text, is_number=column.is_number, pin=column.pin)


def _nothing() -> str:
    return _("none")


def _written(value: Any) -> str:
    if value is MISSING or value in ([], ""):
        return _nothing()
    if isinstance(value, datetime):
        return exact(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(sorted(value))[:_LONGEST_CELL]
    return setting(value) if is_number(value) else written(value)[:_LONGEST_CELL]
