"""The runs table: each run, or each group of runs, as a row of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext as _

from apps.runs.types import OpenRun
from apps.web.colours import run_colour, swatch_class
from apps.web.columns import OF_HEAD, Column, Values, columns_for
from apps.web.figures import lasting, named_figure, setting
from apps.web.group_rows import GroupRow, group_row
from apps.web.links import run_url
from apps.web.listing import Found, Listing
from apps.web.states import StateMark, duration_of, state_of
from apps.web.trees import written
from apps.web.values import config_values, flat, is_number, summary_values

_LONGEST_CELL = 120


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    is_number: bool
    pin: int = 0
    is_best: bool = False


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the table shows it; `place` counts from one. `group` is there where runs stand in groups."""

    opened: OpenRun
    url: str
    place: int
    state: StateMark
    created_at: datetime
    duration: str
    colour: int
    is_drawn: bool
    cells: list[Cell]
    group: GroupRow | None = None
    is_group: bool = False

    @property
    def title(self) -> str:
        return self.opened.head.display_name or self.opened.head.name

    @property
    def swatch(self) -> str:
        return swatch_class(self.colour) if self.is_drawn else "none"

    @property
    def pinned(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.pin]

    @property
    def others(self) -> list[Cell]:
        return [cell for cell in self.cells if not cell.pin]

    @property
    def choose(self) -> str:
        return _("Choose %(name)s") % {"name": self.title}

    @property
    def show(self) -> str:
        return _("Show %(name)s in charts") % {"name": self.title}

    @property
    def edit(self) -> str:
        return _("Edit %(name)s") % {"name": self.title}


@dataclass(frozen=True, slots=True)
class RunsTable:
    columns: list[Column]
    rows: list[RunRow | GroupRow]


def runs_table(
    found: Found,
    asked: Listing,
    *,
    entity: str,
    project: str,
    fold: Callable[[str], str],
    drawn: Mapping[str, int] = MappingProxyType({}),
    best: Callable[[Sequence[Column]], Mapping[str, float]] = lambda columns: {},
) -> RunsTable:
    """Rows for what was found; without chosen columns, those that tell the runs apart. `drawn` has the colours of the
    runs that the charts draw, by public id; `best` tells the best number of a column; `fold` is the address at which
    a group of this id is folded, or unfolded."""
    shown = {each.run.pk: each for each in [*found.runs, *found.first]}  # the first ones stand in both
    values = {pk: _values(each) for pk, each in shown.items()}
    columns = columns_for(
        [measured for measured, _ in values.values()],
        [chosen for _, chosen in values.values()],
        asked=asked.columns,
        pinned=asked.pinned,
    )
    groups = {
        group.id: group_row(group, columns, asked, drawn, href=fold(group.id)) for group in found.groups
    }
    found_best = best(columns)
    rows: list[RunRow | GroupRow] = []
    for place, entry in enumerate(found.entries, start=asked.start + 1):
        if entry.run is None:
            rows.append(groups[entry.group_id].at(place))
            continue
        measured, chosen = values[entry.run.run.pk]
        rows.append(
            RunRow(
                opened=entry.run,
                url=run_url(entity, project, entry.run.head.name),
                place=place,
                state=state_of(entry.run.run),
                created_at=entry.run.run.created_at,
                duration=lasting(duration_of(entry.run.run, measured)),
                colour=drawn.get(entry.run.run.public_id, run_colour(entry.run.run.number)),
                is_drawn=entry.run.run.public_id in drawn,
                cells=[_cell(column, entry.run, measured, chosen, found_best) for column in columns],
                group=groups.get(entry.group_id),
            )
        )
    return RunsTable(columns, rows)


def _values(opened: OpenRun) -> tuple[Values, Values]:
    return flat(summary_values(opened.summary_text)), flat(config_values(opened.config_text))


def _cell(
    column: Column, opened: OpenRun, measured: Values, chosen: Values, best: Mapping[str, float]
) -> Cell:
    if column.order in OF_HEAD:
        return Cell(OF_HEAD[column.order][1](opened.head)[:_LONGEST_CELL], False, column.pin)
    values = measured if column.kind == "summary_metrics" else chosen
    if column.key not in values:
        return Cell("", column.is_number, column.pin)
    value = values[column.key]
    is_best = column.order in best and is_number(value) and value == best[column.order]
    text = _text(column.key, value, is_measured=values is measured)
    return Cell(text, column.is_number, column.pin, is_best)


def _text(key: str, value: Any, *, is_measured: bool) -> str:
    if not is_number(value):
        return written(value)[:_LONGEST_CELL]
    return named_figure(key, value) if is_measured else setting(value)
