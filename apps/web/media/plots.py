"""Series as shapes: lines, dots, bars, counts and matrices, drawn by the server, so that they are there without a script.

A drawing is stretched to its place (`preserveAspectRatio="none"`), so words stand beside it and not in it; axes are cut into
four equal parts at round numbers, which lets their labels be laid out without a measure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.web.colours import swatch_class
from apps.web.figures import setting
from apps.web.ridge import ticks

WIDE, HIGH = 1000, 500
MOST_POINTS = 8000
MOST_BARS = 120
MOST_CLASSES = 40
BINS = 30
SHADES = 8
_PARTS = 4
_ROUND = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20)


@dataclass(frozen=True, slots=True)
class Point:
    """One row: what stands across as words and, where it is one, as a number; the value; and its group."""

    name: str
    across: float | None
    upward: float
    group: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    label: str
    colour: int
    points: list[Point]

    @property
    def swatch(self) -> str:
        return swatch_class(self.colour)


@dataclass(frozen=True, slots=True)
class Trace:
    """The path of one series; `area`: the same down to the foot."""

    label: str
    swatch: str
    path: str
    area: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    swatch: str
    label: str
    start: str
    length: str
    value: str


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing. `shape` says which of the parts below it has."""

    shape: str
    x: str = ""
    y: str = ""
    traces: tuple[Trace, ...] = ()
    x_ticks: tuple[str, ...] = ()
    y_ticks: tuple[str, ...] = ()
    bars: tuple[tuple[str, tuple[Bar, ...]], ...] = ()
    zero: str = ""
    names: tuple[str, ...] = ()
    cells: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    title: str = ""
    shown: int = 0
    total: int = 0

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """What each series is, where there is more than one."""
        return tuple((each.swatch, each.label) for each in self.traces) if len(self.traces) > 1 else ()

    @property
    def is_part(self) -> bool:
        return self.shown < self.total


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    labels: tuple[str, ...]

    def at(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)


def traces(series: Sequence[Series], x: str, y: str, *, is_dots: bool = False, is_area: bool = False) -> Plot:
    """Lines from left to right, or a dot for each row."""
    places = _places(series)
    across = _across(places, any(point.across is not None for each in series for point in each.points))
    # What is below a curve has its foot at nothing; of several the areas would hide each other.
    values = [point.upward for each in series for point in each.points]
    upward = _axis([0.0, *values] if is_area else values)
    is_area = is_area and len(series) == 1
    stride = _stride(places)
    drawn = [
        _trace(each, at[::stride], across, upward, is_dots=is_dots, is_area=is_area)
        for each, at in zip(series, places, strict=True)
    ]
    total = sum(map(len, places))
    shown = sum(len(at[::stride]) for at in places)
    shape = "dots" if is_dots else "lines"
    return Plot(shape, x, y, tuple(drawn), across.labels, upward.labels, shown=shown, total=total)


def _places(series: Sequence[Series]) -> list[list[tuple[float, float, str]]]:
    """Where each row stands across: at its number; by the order of the names where no row has one."""
    if any(point.across is not None for each in series for point in each.points):
        return [
            [(point.across, point.upward, "") for point in each.points if point.across is not None]
            for each in series
        ]
    names: dict[str, int] = {}
    return [
        [(float(names.setdefault(point.name, len(names))), point.upward, point.name) for point in each.points]
        for each in series
    ]


def _across(places: Sequence[Sequence[tuple[float, float, str]]], is_number: bool) -> _Axis:
    axis = _axis([across for each in places for across, _upward, _name in each])
    if is_number:
        return axis
    last = max(across for each in places for across, _upward, _name in each)
    names = {across: name for each in places for across, _upward, name in each}
    labels = [names.get(float(round(last * part / _PARTS)), "") for part in range(_PARTS + 1)]
    return _Axis(0.0, last or 1.0, tuple(labels if last >= _PARTS else [names[0.0], "", "", "", ""]))


def _trace(
    series: Series,
    places: Sequence[tuple[float, float, str]],
    across: _Axis,
    upward: _Axis,
    *,
    is_dots: bool,
    is_area: bool,
) -> Trace:
    points = places if is_dots else sorted(places, key=lambda place: place[0])
    at = [(f"{WIDE * across.at(x):.1f}", f"{HIGH - HIGH * upward.at(y):.1f}") for x, y, _name in points]
    if is_dots:
        return Trace(series.label, series.swatch, "".join(f"M{x} {y}h0" for x, y in at))
    path = "M" + "L".join(f"{x} {y}" for x, y in at) if at else ""
    area = f"{path}V{HIGH}H{at[0][0]}Z" if is_area and at else ""
    return Trace(series.label, series.swatch, path, area)


def counts(series: Sequence[Series], x: str) -> Plot:
    """How many values fall into each of equal bins, the same bins for all."""
    values = [[point.across for point in each.points if point.across is not None] for each in series]
    across = _axis([value for each in values for value in each])
    held = [_binned(each, across) for each in values]
    upward = _axis([0.0, *(float(count) for each in held for count in each)])
    wide = WIDE / BINS
    drawn = []
    for each, bins in zip(series, held, strict=True):
        tops = [f"{HIGH - HIGH * upward.at(count):.1f}" for count in bins]
        path = f"M0 {HIGH}" + "".join(f"V{top}H{wide * (place + 1):.1f}" for place, top in enumerate(tops))
        drawn.append(Trace(each.label, each.swatch, f"{path}V{HIGH}", f"{path}V{HIGH}Z"))
    return Plot("counts", x, "", tuple(drawn), across.labels, upward.labels)


def _binned(values: Sequence[float], axis: _Axis) -> list[int]:
    held = [0] * BINS
    for value in values:
        held[min(BINS - 1, max(0, int(BINS * axis.at(value))))] += 1
    return held


def bars(series: Sequence[Series], value: str) -> Plot:
    """A bar for each row, those of one name together."""
    values = [point.upward for each in series for point in each.points]
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    rows: dict[str, list[Bar]] = {}
    shown = 0
    for each, point in ((one, point) for one in series for point in one.points):
        if shown < MOST_BARS:
            shown += 1
            start, end = sorted((0.0, point.upward))
            rows.setdefault(point.name, []).append(
                Bar(
                    each.swatch,
                    each.label,
                    f"{WIDE * (start - low) / span:.1f}",
                    f"{WIDE * (end - start) / span:.1f}",
                    setting(point.upward),
                )
            )
    named = tuple((name, tuple(each)) for name, each in rows.items())
    keys = tuple(Trace(each.label, each.swatch, "") for each in series)
    zero = f"{WIDE * -low / span:.1f}"
    return Plot("bars", "", value, keys, bars=named, zero=zero, shown=shown, total=len(values))


def matrices(series: Sequence[Series], across: str, down: str) -> Iterator[Plot]:
    """For each run how often something was taken for what; as a table, darker where it was often."""
    for each in series:
        columns = list(dict.fromkeys(point.name for point in each.points))[:MOST_CLASSES]
        names = list(dict.fromkeys(point.group for point in each.points))[:MOST_CLASSES]
        found = {(point.group, point.name): point.upward for point in each.points}
        most = max(map(abs, found.values()), default=0.0) or 1.0
        cells = tuple(
            (
                name,
                tuple(
                    (setting(value), math.ceil(SHADES * min(1.0, abs(value) / most)))
                    for value in (found.get((name, column), 0.0) for column in columns)
                ),
            )
            for name in names
        )
        shown = len(columns) * len(names)
        total = len({point.name for point in each.points}) * len({point.group for point in each.points})
        yield Plot(
            "matrix",
            across,
            down,
            names=tuple(columns),
            cells=cells,
            title=each.label,
            shown=shown,
            total=total,
        )


def _stride(places: Sequence[Sequence[object]]) -> int:
    """Every how many-th point is drawn, so that no drawing has more than its share."""
    return max(1, math.ceil(sum(map(len, places)) / MOST_POINTS))


def _axis(values: Sequence[float]) -> _Axis:
    """From a round number below to one above, with four equal parts between them."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    part = (high - low) / _PARTS
    if part <= max(abs(low), abs(high)) * 1e-12 or part < 1e-300:
        room = max(abs(low) * 0.5, 0.5)
        low, high = low - room, high + room
        part = (high - low) / _PARTS
    unit = 10.0 ** math.floor(math.log10(part))
    for step in (unit * each for each in _ROUND):
        start = math.floor(low / step + 1e-9) * step
        if start + _PARTS * step >= high - 1e-9 * step:
            return _Axis(start, start + _PARTS * step, tuple(ticks(start, start + _PARTS * step)))
    return _Axis(low, high, tuple(ticks(low, high)))
