"""Chosen runs side by side: what they differ in, key by key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.runs.types import OpenRun
from apps.web.figures import exact, figure, lasting, setting
from apps.web.states import duration_of, state_of
from apps.web.trees import written
from apps.web.values import config_values, flat, is_number, summary_values

MOST_ROWS = 2000
_NOTHING = "–"
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One key with its value in each run."""

    key: str
    cells: list[str]
    is_number: bool
    differs: bool


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    rows: list[Row]
    alike: int


def compare(runs: Sequence[OpenRun], *, everything: bool) -> list[Group]:
    """Config, summary and what is known of the runs; of what is the same in all only the count, unless all is asked."""
    groups = (
        (_("Config"), [flat(config_values(each.config_text)) for each in runs], setting),
        (_("Summary"), [flat(summary_values(each.summary_text)) for each in runs], figure),
        (_("About"), [_about(each) for each in runs], setting),
    )
    return [_group(title, values, write, everything=everything) for title, values, write in groups]


def _group(
    title: str, values: Sequence[Values], write: Callable[[object], str], *, everything: bool
) -> Group:
    keys = list(dict.fromkeys(key for each in values for key in each))[:MOST_ROWS]
    rows = [_row(key, values, write) for key in keys]
    shown = [row for row in rows if row.differs or everything]
    return Group(title, shown, alike=len(rows) - sum(row.differs for row in rows))


def _row(key: str, values: Sequence[Values], write: Callable[[object], str]) -> Row:
    held = [each[key] for each in values if key in each]
    cells = [_written(each[key], write) if key in each else _NOTHING for each in values]
    # Compared to the letter: two figures that look alike may differ.
    exactly = {written(each[key]) if key in each else None for each in values}
    return Row(key, cells, all(is_number(value) for value in held), len(exactly) > 1)


def _written(value: object, write: Callable[[object], str]) -> str:
    return write(value) if is_number(value) else written(value)


def _about(opened: OpenRun) -> Values:
    run, head = opened.run, opened.head
    took = duration_of(run, summary_values(opened.summary_text))
    facts = {
        _("State"): state_of(run).word,
        _("Started"): exact(run.created_at),
        _("Took"): lasting(took),
        _("Tags"): ", ".join(head.tags),
        _("Notes"): head.notes,
        _("Group"): head.group,
        _("Job"): head.job_type,
        _("Git"): head.commit[:12],
        _("Program"): head.program,
        _("Id"): head.name,
    }
    return {name: value for name, value in facts.items() if value}
