"""Chosen runs side by side: what they differ in, key by key."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.runs.history.paths import MISSING
from apps.runs.types import OpenRun
from apps.web.beginnings import beginning_of
from apps.web.colours import swatch_class
from apps.web.environment import commit_of, environment
from apps.web.figures import THIN, exact, figure, lasting, named_figure, setting
from apps.web.histograms import Histogram, histogram_of
from apps.web.ridge import Bars, bars
from apps.web.states import duration_of, state_of
from apps.web.trees import by_name, plain, written
from apps.web.values import config_values, flat, is_number, summary_values

MOST_CELLS = 24_000
MOST_HISTOGRAMS = 24
_NOTHING = "–"
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in words, and how far it is from the baseline's."""

    text: str
    delta: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One key with its value in each run; a run that does not have it has MISSING."""

    key: str
    values: list[Any]
    is_number: bool
    differs: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one kind; `alike` counts the keys in which all runs are the same, `left` what did not fit."""

    title: str
    rows: list[Row]
    alike: int
    write: Callable[[str, object], str]
    base: int | None = None
    left: int = 0

    @property
    def shown(self) -> Iterator[tuple[Row, list[Cell]]]:
        for row in self.rows:
            held = row.values[self.base] if self.base is not None else MISSING
            yield (
                row,
                [
                    self._cell(row.key, value, held, is_base=place == self.base)
                    for place, value in enumerate(row.values)
                ],
            )

    def _cell(self, key: str, value: Any, base: Any, *, is_base: bool) -> Cell:
        if value is MISSING:
            return Cell(_NOTHING)
        text = self.write(key, value) if is_number(value) else written(value)
        return Cell(text, "" if is_base else delta(value, base))


@dataclass(frozen=True, slots=True)
class Overlaid:
    """The last histograms of one key over each other, each in its run's colour."""

    key: str
    bars: Bars
    lines: list[tuple[str, str, str]]  # swatch, title, outline


def compare(runs: Sequence[OpenRun], *, everything: bool, base: int | None = None) -> list[Group]:
    """Config, summary, environment and what else is known of the runs; of what is the same in all only the count,
    unless all is asked. `base` is the place of the run that numbers are measured against.
    """
    groups = (
        (_("Config"), _by_name([flat(config_values(each.config_text)) for each in runs]), _chosen),
        (_("Summary"), _by_name([flat(summary_values(each.summary_text)) for each in runs]), named_figure),
        (_("Environment"), [_environment(each) for each in runs], _chosen),
        (_("About"), [_about(each) for each in runs], _chosen),
    )
    room = MOST_CELLS // max(1, len(runs))
    found = []
    for title, values, write in groups:
        rows = _rows(values)
        shown = [row for row in rows if row.differs or everything]
        alike = sum(not row.differs for row in rows)
        found.append(Group(title, shown[:room], alike, write, base, max(0, len(shown) - room)))
        room -= min(room, len(shown))
    return found


def _chosen(_key: str, value: object) -> str:
    return setting(value)


def lines_of(runs: Sequence[OpenRun], titles: Sequence[str]) -> tuple[list[str], Iterator[list[object]]]:
    """The whole comparison as a table to keep: numbers as they are, all else in words to the letter."""
    groups = compare(runs, everything=True)
    head = ["", "key", *titles]
    return head, ([group.title, row.key, *map(_kept, row.values)] for group in groups for row in group.rows)


def last_histograms(runs: Sequence[OpenRun], colours: Sequence[int]) -> list[Overlaid]:
    """The histograms that the summaries hold: those of each run's last step."""
    found: dict[str, list[tuple[str, str, Histogram]]] = {}
    for opened, colour in zip(runs, colours, strict=True):
        for key, value in flat(summary_values(opened.summary_text)).items():
            if (histogram := histogram_of(value)) is not None:
                found.setdefault(key, []).append((swatch_class(colour), title_of(opened), histogram))
    return [_overlaid(key, held) for key, held in list(found.items())[:MOST_HISTOGRAMS]]


def delta(value: Any, base: Any) -> str:
    """How far a number is from another, with the share where there is one to take; empty for anything else."""
    if not (is_number(value) and is_number(base)) or value == base:
        return ""
    try:
        distance, share = (
            float(value) - float(base),
            (float(value) / float(base) - 1) * 100 if base else math.nan,
        )
    except OverflowError:
        return ""
    if not math.isfinite(distance):
        return ""
    sign = "+" if value > base else "−"
    size = figure(abs(value - base) if isinstance(value, int) and isinstance(base, int) else abs(distance))
    if not math.isfinite(share) or abs(share) >= 1e5 or base < 0:
        return f"{sign}{size}"
    return f"{sign}{size} ({sign}{abs(share):.1f}{THIN}%)"


def title_of(opened: OpenRun) -> str:
    return opened.head.display_name or opened.head.name


def _overlaid(key: str, held: Sequence[tuple[str, str, Histogram]]) -> Overlaid:
    drawn = bars([histogram for _swatch, _title, histogram in held])
    pairs = zip(held, drawn.outlines, strict=True)
    return Overlaid(key, drawn, [(swatch, title, outline) for (swatch, title, _), outline in pairs])


def _by_name(values: Sequence[Values]) -> list[Values]:
    """The same with the keys of all in one order, wherever a run has them."""
    keys = sorted({key for each in values for key in each}, key=by_name)
    return [{key: each.get(key, MISSING) for key in keys} for each in values]


def _rows(values: Sequence[Values]) -> list[Row]:
    keys = dict.fromkeys(key for each in values for key in each)
    return [_row(key, [each.get(key, MISSING) for each in values]) for key in keys]


def _row(key: str, values: list[Any]) -> Row:
    held = [value for value in values if value is not MISSING]
    # Compared to the letter: two figures that look alike may differ, and two texts after their four hundredth letter.
    exactly = {None if value is MISSING else plain(value) for value in values}
    return Row(key, values, all(map(is_number, held)), len(exactly) > 1)


def _kept(value: Any) -> object:
    if value is MISSING:
        return ""
    return value if is_number(value) else plain(value)


def _environment(opened: OpenRun) -> Values:
    commit = commit_of(opened)
    return ({_("Git"): commit[:12]} if commit else {}) | dict(environment(opened))


def _about(opened: OpenRun) -> Values:
    run, head = opened.run, opened.head
    took = duration_of(run, summary_values(opened.summary_text))
    facts = {
        _("State"): state_of(run).word,
        _("Started"): exact(beginning_of(opened).started_at),
        _("Took"): lasting(took),
        _("Tags"): ", ".join(head.tags),
        _("Notes"): head.notes,
        _("Group"): head.group,
        _("Job"): head.job_type,
        _("Id"): head.name,
    }
    return {name: value for name, value in facts.items() if value}
