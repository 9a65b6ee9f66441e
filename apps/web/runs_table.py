"""The runs table: which columns, and each run as a row of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from apps.runs.types import Head, OpenRun
from apps.web.colours import run_colour, swatch_class
from apps.web.figures import figure, lasting, setting
from apps.web.links import run_url
from apps.web.states import StateMark, duration_of, state_of
from apps.web.trees import written
from apps.web.values import config_values, flat, is_number, summary_values

_MOST_MEASURED = 4
_MOST_CHOSEN = 4
_LONGEST_CELL = 120
# What people look at first, when nobody has chosen columns.
_TELLING = ("acc", "loss", "f1", "auc", "score", "reward", "error", "ppl")


@dataclass(frozen=True, slots=True)
class Column:
    """A key of summary or config; `order` is what the table sorts by."""

    title: str
    order: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the table shows it; `place` counts from one."""

    opened: OpenRun
    url: str
    place: int
    state: StateMark
    created_at: datetime
    duration: str
    is_drawn: bool
    cells: list[Cell]

    @property
    def title(self) -> str:
        return self.opened.head.display_name or self.opened.head.name

    @property
    def colour(self) -> int:
        return run_colour(self.opened.run.number)

    @property
    def swatch(self) -> str:
        return swatch_class(self.colour) if self.is_drawn else "none"


@dataclass(frozen=True, slots=True)
class RunsTable:
    columns: list[Column]
    rows: list[RunRow]


# The columns that each table has, and what a run says of itself besides config and summary.
FIXED: tuple[Callable[[], Column], ...] = (
    lambda: Column(_("Run"), "display_name", False),
    lambda: Column(_("State"), "state", False),
    lambda: Column(_("Created"), "created_at", False),
    lambda: Column(_("Runtime"), "duration", True),
)
_OF_HEAD: dict[str, tuple[Callable[[], str], Callable[[Head], str]]] = {
    "tags": (lambda: _("Tags"), lambda head: ", ".join(head.tags)),
    "notes": (lambda: _("Notes"), lambda head: head.notes),
    "group": (lambda: _("Group"), lambda head: head.group),
    "job_type": (lambda: _("Job"), lambda head: head.job_type),
    "name": (lambda: _("Id"), lambda head: head.name),
}
_KINDS = ("summary_metrics", "config")


def column_of(order: str) -> Column:
    """The column that is sorted by `order`; whether it holds numbers is seen once there are rows."""
    kind, _dot, key = order.partition(".")
    if order in _OF_HEAD:
        return Column(_OF_HEAD[order][0](), order, False)
    return Column(key if kind in _KINDS and key else order, order, kind == "summary_metrics")


def runs_table(
    runs: Sequence[OpenRun],
    *,
    entity: str,
    project: str,
    columns: Sequence[str] = (),
    start: int = 0,
    drawn: Collection[str] = (),
) -> RunsTable:
    """Rows for these runs, the first of them in place `start`; without chosen columns, those that tell them apart."""
    measured = [flat(summary_values(each.summary_text)) for each in runs]
    chosen = [flat(config_values(each.config_text)) for each in runs]
    asked = list(columns) or [
        *(f"summary_metrics.{key}" for key in _measured_keys(measured)),
        *(f"config.{key}" for key in _chosen_keys(chosen)),
    ]
    shown = [_with_kind(column_of(order), chosen) for order in asked]
    rows = []
    for place, opened in enumerate(runs):
        cells = [_cell(column, opened, measured[place], chosen[place]) for column in shown]
        rows.append(
            RunRow(
                opened=opened,
                url=run_url(entity, project, opened.head.name),
                place=start + place + 1,
                state=state_of(opened.run),
                created_at=opened.run.created_at,
                duration=lasting(duration_of(opened.run, measured[place])),
                is_drawn=opened.run.public_id in drawn,
                cells=cells,
            )
        )
    return RunsTable(shown, rows)


def _with_kind(column: Column, chosen: Sequence[dict[str, Any]]) -> Column:
    kind, _dot, key = column.order.partition(".")
    return replace(column, is_number=_all_numbers(key, chosen)) if kind == "config" else column


def _measured_keys(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Numbers that most runs have, those with telling names first."""
    counts = Counter(
        key for row in rows for key, value in row.items() if is_number(value) and not key.startswith("_")
    )
    common = [key for key, count in counts.items() if count * 2 >= len(rows)] or list(counts)
    return ranked_measures(common)[:_MOST_MEASURED]


def ranked_measures(names: Iterable[str]) -> list[str]:
    """Metrics as people look at them: held-out before training, telling names first, then as they were logged."""
    return sorted(names, key=lambda name: (_is_telling(name), _rank(name)))


def _is_telling(name: str) -> bool:
    return not any(word in name.lower() for word in _TELLING)


def _rank(name: str) -> int:
    head = name.lower().split("/")[0]
    return 0 if head in {"val", "eval", "test", "valid", "validation"} else 2 if head == "system" else 1


def _chosen_keys(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Settings by which these runs differ; of a single run, its first ones."""
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for key, value in row.items():
            kinds.setdefault(key, set()).add(written(value))
    differing = [key for key, values in kinds.items() if len(values) > 1]
    return (differing or (list(kinds) if len(rows) == 1 else []))[:_MOST_CHOSEN]


def _all_numbers(key: str, rows: Sequence[dict[str, Any]]) -> bool:
    return all(is_number(row[key]) for row in rows if key in row)


def _cell(column: Column, opened: OpenRun, measured: dict[str, Any], chosen: dict[str, Any]) -> Cell:
    if column.order in _OF_HEAD:
        return Cell(_OF_HEAD[column.order][1](opened.head)[:_LONGEST_CELL], False)
    kind, _dot, key = column.order.partition(".")
    values = measured if kind == "summary_metrics" else chosen
    if key not in values:
        return Cell("", column.is_number)
    value = values[key]
    if not is_number(value):
        return Cell(written(value)[:_LONGEST_CELL], column.is_number)
    return Cell(figure(value) if values is measured else setting(value), column.is_number)
