"""The runs table: which columns, and each run as a row of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.runs.types import OpenRun
from apps.web.figures import figure, lasting, setting
from apps.web.links import run_url
from apps.web.states import StateMark, duration_of, state_of
from apps.web.trees import written
from apps.web.values import config_values, flat, is_number, summary_values

RUN_COLOURS = 12
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
    is_best: bool = False


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the table shows it; `colour` is 0 for one that the charts leave out."""

    opened: OpenRun
    url: str
    state: StateMark
    created_at: datetime
    duration: str
    colour: int
    cells: list[Cell]

    @property
    def title(self) -> str:
        return self.opened.head.display_name or self.opened.head.name


@dataclass(frozen=True, slots=True)
class RunsTable:
    columns: list[Column]
    rows: list[RunRow]


def runs_table(runs: Sequence[OpenRun], *, entity: str, project: str) -> RunsTable:
    """Rows for these runs, with the columns that tell them apart."""
    measured = [flat(summary_values(each.summary_text)) for each in runs]
    chosen = [flat(config_values(each.config_text)) for each in runs]
    columns = [Column(key, f"summary_metrics.{key}", True) for key in _measured_keys(measured)]
    columns += [Column(key, f"config.{key}", _all_numbers(key, chosen)) for key in _chosen_keys(chosen)]
    rows = []
    for place, opened in enumerate(runs):
        cells = [_cell(column, measured[place], chosen[place]) for column in columns]
        rows.append(
            RunRow(
                opened=opened,
                url=run_url(entity, project, opened.head.name),
                state=state_of(opened.run),
                created_at=opened.run.created_at,
                duration=lasting(duration_of(opened.run, measured[place])),
                colour=place + 1 if place < RUN_COLOURS else 0,
                cells=cells,
            )
        )
    return RunsTable(columns, rows)


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


def _cell(column: Column, measured: dict[str, Any], chosen: dict[str, Any]) -> Cell:
    kind, _, key = column.order.partition(".")
    values = measured if kind == "summary_metrics" else chosen
    if key not in values:
        return Cell("", column.is_number)
    value = values[key]
    if not is_number(value):
        return Cell(written(value)[:_LONGEST_CELL], column.is_number)
    return Cell(figure(value) if values is measured else setting(value), column.is_number)
