"""Custom charts: the looks of `wandb.plot` and `wandb.sklearn`, each drawn from the rows of a table, of one run or of several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.core import jsontext
from apps.core.errors import Invalid, TooMuch
from apps.files.media.charts import Chart
from apps.files.media.tables import Table, read_table
from apps.files.queries import read_file
from apps.files.types import OpenFile
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.web.colours import RUN_COLOURS
from apps.web.media import plots
from apps.web.media.plots import Plot, Point, Series
from apps.web.values import is_number

# A panel is one of two dozen on a page: beyond this a table is opened by itself.
MOST_BYTES = 4 * 1024 * 1024
_MOST_SERIES = 60
_SHOWN_ROWS = 8
_SHOWN_COLUMNS = 12
_LONGEST_NAME = 120
_FARTHEST = 1e300  # the distance between two of them is still a number


class Shape(StrEnum):
    LINES = "lines"
    AREAS = "areas"
    DOTS = "dots"
    BARS = "bars"
    COUNTS = "counts"
    MATRIX = "matrix"


@dataclass(frozen=True, slots=True)
class Look:
    """One drawing of a preset: its shape, and what stands at which place. Those that lack a column are left out."""

    shape: Shape
    x: str
    y: str = ""
    group: str = ""


LOOKS: dict[str, tuple[Look, ...]] = {
    "wandb/line/v0": (Look(Shape.LINES, "x", "y", "stroke"),),
    "wandb/lineseries/v0": (Look(Shape.LINES, "step", "lineVal", "lineKey"),),
    "wandb/area-under-curve/v0": (Look(Shape.AREAS, "x", "y", "class"),),
    "wandb/scatter/v0": (Look(Shape.DOTS, "x", "y"),),
    "wandb/bar/v0": (Look(Shape.BARS, "label", "value"),),
    "wandb/histogram/v0": (Look(Shape.COUNTS, "value"),),
    "wandb/confusion_matrix/v1": (
        Look(Shape.MATRIX, "Predicted", "nPredictions", "Actual"),
        Look(Shape.MATRIX, "Predicted", "Count", "Actual"),  # of wandb.sklearn
    ),
    "wandb/calibration/v1": (
        Look(Shape.LINES, "mean_predicted_value", "fraction_of_positives", "model"),
        Look(Shape.LINES, "edge_dict", "hist_dict", "model"),
    ),
    "wandb/class_proportions/v1": (Look(Shape.BARS, "class", "count", "dataset"),),
    "wandb/decision_boundaries/v1": (Look(Shape.DOTS, "x", "y", "color"),),
    "wandb/elbow/v1": (
        Look(Shape.LINES, "cluster_ranges", "errors"),
        Look(Shape.LINES, "cluster_ranges", "clustering_time"),
    ),
    "wandb/feature_importances/v1": (Look(Shape.BARS, "feature_names", "importances"),),
    "wandb/learning_curve/v1": (Look(Shape.LINES, "train_size", "score", "dataset"),),
    "wandb/metrics/v1": (Look(Shape.BARS, "metric_name", "metric_value", "model_name"),),
    "wandb/outliers/v1": (Look(Shape.DOTS, "instance_indicies", "distance"),),
    "wandb/residuals_plot/v1": (
        Look(Shape.DOTS, "y_pred", "residuals", "dataset"),
        Look(Shape.COUNTS, "residuals", "", "dataset"),
    ),
    "wandb/silhouette_/v1": (
        Look(Shape.DOTS, "x2", "y_sil", "color_sil"),
        Look(Shape.DOTS, "x", "y", "colors"),
    ),
}


@dataclass(frozen=True, slots=True)
class Source:
    """The table of one run. A colour and a title where it is drawn together with others."""

    table: Table
    colour: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart with the tables it is drawn from."""

    chart: Chart
    sources: tuple[Source, ...]

    @property
    def is_known(self) -> bool:
        return self.chart.look in LOOKS

    @property
    def first_columns(self) -> tuple[str, ...]:
        """Of a look that is not known: the columns of its table, and with them its first rows as they read."""
        return self.sources[0].table.columns[:_SHOWN_COLUMNS]

    @property
    def first_rows(self) -> list[list[tuple[str, bool]]]:
        table, width = self.sources[0].table, len(self.first_columns)
        return [
            [
                (_name(row[at]) if at < len(row) else "", at < len(row) and is_number(row[at]))
                for at in range(width)
            ]
            for row in table.rows[:_SHOWN_ROWS]
        ]

    @property
    def can_overlay(self) -> bool:
        """Whether several runs make one drawing: not of a matrix, nor of a look that is not known."""
        return any(look.shape is not Shape.MATRIX for look in LOOKS.get(self.chart.look, ()))

    @property
    def title(self) -> str:
        return self.chart.words.get("title", "")

    @property
    def plots(self) -> list[Plot]:
        return [plot for look in LOOKS.get(self.chart.look, ()) for plot in self._drawn(look)]

    def _drawn(self, look: Look) -> Iterator[Plot]:
        series = self._series(look)
        if not series:
            return
        words = self.chart.words
        x = words.get("x-axis-title") or words.get("xname") or self.chart.column(look.x)
        y = words.get("y-axis-title") or (self.chart.column(look.y) if look.y else "")
        if look.shape is Shape.MATRIX:
            yield from plots.matrices(series, x, self.chart.column(look.group))
        elif look.shape is Shape.BARS:
            yield plots.bars(series, y)
        elif look.shape is Shape.COUNTS:
            yield plots.counts(series, x)
        else:
            yield plots.traces(
                series, x, y, is_dots=look.shape is Shape.DOTS, is_area=look.shape is Shape.AREAS
            )

    def _series(self, look: Look) -> list[Series]:
        """The rows by run, and within it by what a column says; of a matrix by run alone."""
        found: dict[tuple[int, str], list[Point]] = {}
        groups: dict[str, int] = {}
        for number, source in enumerate(self.sources):
            for group, point in _points(source.table, self.chart, look):
                name = group if look.shape is not Shape.MATRIX else ""
                if (number, name) in found or len(found) < _MOST_SERIES:
                    groups.setdefault(name, len(groups))
                    found.setdefault((number, name), []).append(point)
        return [
            Series(self._label(number, name), self._colour(number, groups[name]), points)
            for (number, name), points in found.items()
        ]

    def _label(self, number: int, group: str) -> str:
        return " · ".join(word for word in (self.sources[number].title, group) if word)

    def _colour(self, number: int, group: int) -> int:
        """Of the run where there are several, its groups then by dashes; of the group where a run is alone."""
        if len(self.sources) == 1:
            return group % (3 * RUN_COLOURS) + 1
        return (self.sources[number].colour + group * RUN_COLOURS - 1) % (3 * RUN_COLOURS) + 1


def read_source(file: OpenFile) -> Source | None:
    """The table of this file; None for what is too large for a panel, or none."""
    if file.size > MOST_BYTES:
        return None
    try:
        return Source(read_table(b"".join(read_file(file.file))))
    except (Invalid, TooMuch):
        return None
    except Tampered as error:
        leave_out(error)
        return None


def _points(table: Table, chart: Chart, look: Look) -> Iterator[tuple[str, Point]]:
    places = {name: place for place, name in enumerate(table.columns)}
    wanted = [chart.column(each) for each in (look.x, look.y) if each]
    if not all(name in places for name in wanted):
        return
    x, *rest = (places[name] for name in wanted)
    group = places.get(chart.column(look.group), -1) if look.group else -1
    for row in table.rows:
        across = _cell(row, x)
        upward = _number(_cell(row, rest[0])) if rest else 0.0
        if across is None or upward is None:
            continue
        yield (
            _name(_cell(row, group)),
            Point(_name(across), _number(across), upward, _name(_cell(row, group))),
        )


def _cell(row: Sequence[Any], place: int) -> Any:
    return row[place] if 0 <= place < len(row) else None


def _number(value: Any) -> float | None:
    if not is_number(value):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) <= _FARTHEST else None


def _name(value: Any) -> str:
    if value is None:
        return ""
    return (value if isinstance(value, str) else jsontext.dumps(value))[:_LONGEST_NAME]
