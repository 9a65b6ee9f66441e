"""Histograms as lines of an SVG: the server draws them, so that they are there without a script and in each theme."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from apps.web.figures import place_on
from apps.web.histograms import Histogram, Placed, drawn_range

WIDE = 1000
_RIDGE_HIGH, _ROOM = 400, 110  # the height of all, of which the topmost line has this much above its foot
_BARS_HIGH = 160
_LABELS = 5
_COLUMNS = 80
_FAINTEST = 0.35


@dataclass(frozen=True, slots=True)
class Line:
    """One histogram: its outline, whether and where it is asked for, and how strongly it is drawn."""

    step: float
    label: str
    outline: str
    opacity: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Ridge:
    """Outlines, the first logged behind and on top; `ticks` below the axis, `steps` beside it."""

    lines: list[Line]
    ticks: list[str]
    steps: list[str]
    leaves_out: bool
    wide: int = WIDE
    high: int = _RIDGE_HIGH


@dataclass(frozen=True, slots=True)
class Bars:
    """One or several histograms over each other, on one axis."""

    outlines: list[str]
    ticks: list[str]
    leaves_out: bool
    wide: int = WIDE
    high: int = _BARS_HIGH


def ridge(placed: Sequence[Placed], *, chosen: float | None = None) -> Ridge:
    """The histograms over each other, each a little lower than the one before it."""
    low, high, leaves_out = drawn_range([each.histogram for each in placed])
    tallest = max((max(_columns(each.histogram, low, high)) for each in placed), default=0) or 1.0
    gap = (_RIDGE_HIGH - _ROOM - 1) / max(1, len(placed) - 1)
    lines = []
    for place, each in enumerate(placed):
        foot = _ROOM + gap * place if len(placed) > 1 else _RIDGE_HIGH - 1
        tall = _ROOM * 0.94 if len(placed) > 1 else _RIDGE_HIGH * 0.94
        share = (place + 1) / len(placed)
        lines.append(
            Line(
                step=each.step,
                label=place_on("_step", each.step),
                outline=_curve(each.histogram, low, high, foot=foot, scale=tall / tallest),
                opacity=f"{_FAINTEST + (1 - _FAINTEST) * share:.2f}",
                is_chosen=each.step == chosen,
            )
        )
    return Ridge(lines, ticks(low, high), _steps(placed), leaves_out)


def bars(histograms: Sequence[Histogram], *, whole: bool = False) -> Bars:
    """Each as an outline; with `whole` nothing at the far ends is left out."""
    low, high, leaves_out = drawn_range(histograms)
    if whole:
        low, high = min(each.edges[0] for each in histograms), max(each.edges[-1] for each in histograms)
        low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    tallest = max((max(each.densities()) for each in histograms), default=0) or 1.0
    outlines = [
        outline(each, low, high, foot=_BARS_HIGH - 1, scale=_BARS_HIGH * 0.94 / tallest)
        for each in histograms
    ]
    return Bars(outlines, ticks(low, high), leaves_out and not whole)


def outline(found: Histogram, low: float, high: float, *, foot: float, scale: float) -> str:
    """The steps of a histogram as the path of an SVG, from foot to foot."""
    parts: list[str] = []
    for (left, right, _count), density in zip(found.bins, found.densities(), strict=True):
        if right < low or left > high:
            continue
        start, end = _across(max(left, low), low, high), _across(min(right, high), low, high)
        top = foot - density * scale
        parts.append(f"{'L' if parts else f'M{start:.1f} {foot:.1f}L'}{start:.1f} {top:.1f}H{end:.1f}")
    return f"{''.join(parts)}V{foot:.1f}" if parts else ""


def _curve(found: Histogram, low: float, high: float, *, foot: float, scale: float) -> str:
    """A histogram as one line among many, which steps would turn into scribble: from foot to foot over its columns."""
    heights = _columns(found, low, high)
    filled = [place for place, height in enumerate(heights) if height > 0]
    if not filled:
        return ""
    wide = WIDE / _COLUMNS
    points = [
        f"L{wide * (place + 0.5):.0f} {foot - heights[place] * scale:.1f}"
        for place in range(filled[0], filled[-1] + 1)
    ]
    start, end = f"M{wide * filled[0]:.0f} {foot:.1f}", f"L{wide * (filled[-1] + 1):.0f} {foot:.1f}"
    return "".join([start, *points, end])


def _columns(found: Histogram, low: float, high: float) -> list[float]:
    """The density in columns of equal width: each bin gives every column its share of what it holds."""
    width = (high - low) / _COLUMNS
    held = [0.0] * _COLUMNS
    total = float(found.total) or 1.0
    for left, right, count in found.bins:
        if not count or right < low or left > high:
            continue
        first = min(_COLUMNS - 1, max(0, int((left - low) / width)))
        last = min(_COLUMNS - 1, max(first, math.ceil((right - low) / width) - 1))
        share = float(count) / total / width
        for place in range(first, last + 1):
            inside = min(right, low + width * (place + 1)) - max(left, low + width * place)
            held[place] += share * (inside / (right - left) if right > left else 1.0)
    return held


def _across(value: float, low: float, high: float) -> float:
    return WIDE * (value - low) / (high - low)


def ticks(low: float, high: float) -> list[str]:
    """Five places on the axis, with as many digits as tell them apart."""
    span, far = high - low, max(abs(low), abs(high))
    places = [low + span * place / 4 for place in range(5)]
    if span >= 1e-4 and far < 1e6:
        decimals = max(0, 2 - math.floor(math.log10(span)))
        return [_short(f"{place:.{decimals}f}") for place in places]
    digits = max(3, min(12, 3 + math.ceil(math.log10(far / span))))
    return [f"{place:.{digits}g}" for place in places]


def _short(text: str) -> str:
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _steps(placed: Sequence[Placed]) -> list[str]:
    """The steps beside some of the lines, the first and the last among them."""
    count = min(_LABELS, len(placed))
    if count < 2:
        return [place_on("_step", each.step) for each in placed]
    places = [round(place * (len(placed) - 1) / (count - 1)) for place in range(count)]
    return [place_on("_step", placed[place].step) for place in places]
