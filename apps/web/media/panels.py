"""The media of a run as its pages show them: one panel for each key, at one of its steps."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apps.files.media.charts import Chart, charts_of
from apps.files.media.reading import MediaKey, Shown, shown_at, shown_in_runs
from apps.files.media.types import Item, Kind
from apps.files.queries import list_files
from apps.files.thumbnails import LONGEST_SIDE
from apps.files.types import OpenFile
from apps.web.figures import place_on
from apps.web.media.charts import Drawing, read_source
from apps.web.media.overlays import Legend, Overlaid, Picked, overlaid
from apps.web.media.renderers import solid_format, template_of
from apps.web.values import client_facts

if TYPE_CHECKING:
    from apps.runs.models import Run
    from apps.runs.types import OpenRun

MOST_IN_PANEL = 12
CHART = "media/_chart.html"
MOST_ALONE = 240
MOST_AT_A_GLANCE = 4
MOST_OF_ONE_AT_A_GLANCE = 4
MOST_STEPS = 1000
_SMALL = 160
_NOTHING = Shown((), None, ())
_LONGEST_ALT = 200


@dataclass(frozen=True, slots=True)
class Thing:
    """One item with the file it stands for; no file where it never arrived or is gone."""

    item: Item
    file: OpenFile | None
    over: Overlaid | None = None

    @property
    def label(self) -> str:
        return self.item.path.rpartition("/")[2]

    @property
    def alt(self) -> str:
        return self.item.caption[:_LONGEST_ALT] or self.label[:_LONGEST_ALT]

    @property
    def is_small(self) -> bool:
        """A few pixels are shown as the squares they are."""
        wide, high = self.item.width, self.item.height
        return bool(wide and high and max(wide, high) <= _SMALL and max(wide, high) <= 2 * min(wide, high))

    @property
    def is_large(self) -> bool:
        """Among others it is shown as its small picture."""
        return max(self.item.width or 0, self.item.height or 0) > LONGEST_SIDE

    @property
    def is_gif(self) -> bool:
        return self.item.path.lower().endswith(".gif")

    @property
    def solid(self) -> str:
        """In which format it is drawn as a thing in space; empty where it is not."""
        return solid_format(self.item.path, self.file.size) if self.file else ""

    @property
    def quoted(self) -> str:
        return quote(self.item.path.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Panel:
    """A key at one step: what it holds there, and where else it holds anything."""

    key: str
    kind: Kind
    steps: tuple[float, ...]
    step: float | None
    things: tuple[Thing, ...]
    total: int
    legends: tuple[Legend, ...] = ()
    picks: str = ""
    drawing: Drawing | None = None

    @property
    def name(self) -> str:
        """What it was logged as: of a chart the key of the chart, not that of its table."""
        return self.drawing.chart.key if self.drawing else self.key

    @property
    def template(self) -> str:
        return CHART if self.drawing else template_of(self.kind)

    @property
    def place(self) -> int:
        """Which of its steps this is, from 1."""
        return bisect_left(self.steps, self.step) + 1 if self.step is not None else 0

    @property
    def label(self) -> str:
        return place_on("_step", self.step) if self.step is not None else ""

    @property
    def at(self) -> str:
        return _written(self.step)

    @property
    def earlier(self) -> str:
        return _written(self.steps[self.place - 2] if self.place > 1 else None)

    @property
    def later(self) -> str:
        return _written(self.steps[self.place] if 0 < self.place < len(self.steps) else None)

    @property
    def slider(self) -> str:
        """The steps that a slider stands on, evenly chosen where there are very many, this one among them."""
        return " ".join(map(_written, _evenly(self.steps, self.step)))

    @property
    def is_part(self) -> bool:
        return len(self.things) < self.total


def panels_of(
    run: Run,
    keys: Sequence[MediaKey],
    *,
    facts: Mapping[str, Any],
    step: float | None = None,
    most: int = MOST_IN_PANEL,
    picked: Picked | None = None,
) -> list[Panel]:
    """One panel a key, in the order given. The history is opened once for all of them, and so is the list of files."""
    found = shown_at(run, [key.name for key in keys], step)
    shown = {name: each.items[:most] for name, each in found.items()}
    files = files_of(run, (item for items in shown.values() for item in items))
    return [_panel(key, found[key.name], shown[key.name], files, facts, picked or Picked()) for key in keys]


def newest_panels(run: Run, keys: Sequence[MediaKey], *, facts: Mapping[str, Any]) -> list[Panel]:
    """The last of the few keys that were logged last, for a glance; tables are not looked at in passing."""
    seen = [key for key in keys if key.kind not in (Kind.TABLE, Kind.OTHER)]
    newest = sorted(seen, key=lambda key: -math.inf if key.last_step is None else key.last_step, reverse=True)
    return panels_of(run, newest[:MOST_AT_A_GLANCE], facts=facts, most=MOST_OF_ONE_AT_A_GLANCE)


def panels_of_runs(
    runs: Sequence[OpenRun], name: str, *, step: float | None = None, most: int = MOST_IN_PANEL
) -> list[Panel]:
    """One key in many runs, a panel for each of those that have it, in their order."""
    found = shown_in_runs([each.run for each in runs], name, step)
    panels = []
    for each in runs:
        shown = found.get(each.run.pk, _NOTHING)
        items = shown.items[:most]
        key = MediaKey(name, items[0].kind if items else Kind.OTHER, len(shown.steps))
        facts = client_facts(each.config_text)
        panels.append(_panel(key, shown, items, files_of(each.run, items), facts, Picked()))
    return panels


def over_each_other(panels: Sequence[Panel], colours: Sequence[int], titles: Sequence[str]) -> Drawing | None:
    """The same chart of several runs as one drawing, in the look of the first; None where fewer than two have it."""
    drawn = [
        (panel.drawing.chart, replace(panel.drawing.sources[0], colour=colour, title=title))
        for panel, colour, title in zip(panels, colours, titles, strict=False)
        if panel.drawing and panel.drawing.can_overlay
    ]
    return Drawing(drawn[0][0], tuple(source for _chart, source in drawn)) if len(drawn) > 1 else None


def files_of(run: Run, items: Iterable[Item]) -> dict[str, OpenFile]:
    """The stored files of these items and of what lies over them, by path."""
    paths = {path for item in items for path in (item.path, *(layer.path for layer in item.layers))}
    return {file.name: file for file in list_files(run, names=paths)} if paths else {}


def _panel(
    key: MediaKey,
    found: Shown,
    items: Sequence[Item],
    files: Mapping[str, OpenFile],
    facts: Mapping[str, Any],
    picked: Picked,
) -> Panel:
    over, legends = overlaid(key.name, items, files, facts, picked)
    things = tuple(Thing(item, files.get(item.path), each) for item, each in zip(items, over, strict=True))
    kind = items[0].kind if items else key.kind
    return Panel(
        key.name,
        kind,
        found.steps,
        found.step,
        things,
        len(found.items),
        legends,
        picked.query,
        _drawing(charts_of(facts).get(key.name), things),
    )


def _drawing(chart: Chart | None, things: Sequence[Thing]) -> Drawing | None:
    """The chart that this key's table is logged for, where there is one and its table is here."""
    if chart is None or not things or things[0].item.kind is not Kind.TABLE or things[0].file is None:
        return None
    source = read_source(things[0].file)
    return Drawing(chart, (source,)) if source else None


def _written(step: float | None) -> str:
    """A step as an address has it."""
    if step is None:
        return ""
    return str(int(step)) if step.is_integer() and abs(step) < 2**53 else repr(step)


def _evenly(steps: Sequence[float], chosen: float | None) -> list[float]:
    if len(steps) <= MOST_STEPS:
        return list(steps)
    spread = {steps[place * (len(steps) - 1) // (MOST_STEPS - 1)] for place in range(MOST_STEPS)}
    return sorted(spread | ({chosen} if chosen is not None else set()))
