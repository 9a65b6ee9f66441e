"""What a chart asks for, and the points that answer it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.core.errors import Invalid
from apps.runs.history import store
from apps.runs.history.codec import as_number
from apps.runs.types import Series, Stream
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.runs.models import Run

_LEAST_POINTS, _POINTS, _MOST_POINTS = 50, 600, 4000
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)
_LONGEST_KEY = 2000
_LONGEST_NUMBER = 40
_ENOUGH_FOR_EXTREMES = 50
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Extremes:
    """A metric of a run in three points: where it is at the end, where it was least and where most."""

    last: Point
    least: Point
    most: Point


@dataclass(frozen=True, slots=True)
class Asked:
    """What one panel asks for: a metric over an axis, all of it or the part from `first` to `last`."""

    key: str
    stream: Stream
    axis: str
    points: int
    first: float | None
    last: float | None
    cursor: str

    @classmethod
    def of(cls, request: Request) -> Asked:
        stream = Stream.EVENTS if request.GET.get("stream") == Stream.EVENTS else Stream.HISTORY
        points = request.GET.get("points", "")
        return cls(
            key=_key(request.GET.get("key", "")),
            stream=stream,
            axis=_key(request.GET.get("x") or ("_runtime" if stream is Stream.EVENTS else "_step")),
            points=max(_LEAST_POINTS, min(int(points), _MOST_POINTS))
            if _WHOLE.fullmatch(points)
            else _POINTS,
            first=_bound(request.GET.get("first", "")),
            last=_bound(request.GET.get("last", "")),
            cursor=request.GET.get("cursor", ""),
        )

    def series(self, run: Run) -> dict[str, Any]:
        """The points with a cursor for what comes after them."""
        if self.cursor:
            fresh = store.rows_since(run, self.stream, self.cursor, keys=[self.axis, self.key])
            return _written(run, list(self._pairs(fresh.rows)), cursor=fresh.cursor) | {
                "is_reset": fresh.is_reset
            }
        # The cursor first: a row that comes in between is then sent twice, which the page sorts out, and never lost.
        cursor = store.present_cursor(run, self.stream)
        sample = self._sample(run, self.points)
        return _written(run, list(zip(sample.x, sample.y, strict=True)), cursor=cursor)

    def every_point(self, run: Run) -> Iterator[Point]:
        """All that was logged in the range, as it was logged."""
        for x, y in self._pairs(store.scan(run, self.stream, keys=[self.axis, self.key])):
            if (self.first is None or x >= self.first) and (self.last is None or x <= self.last):
                yield x, y

    def extremes(self, run: Run) -> Extremes | None:
        """None for a run that does not log this. A sample holds the highest, the lowest and the last point."""
        sample = self._sample(run, _ENOUGH_FOR_EXTREMES)
        points = list(zip(sample.x, sample.y, strict=True))
        if not points:
            return None
        finite = [point for point in points if math.isfinite(point[1])] or points
        return Extremes(
            last=points[-1],
            least=min(finite, key=lambda point: point[1]),
            most=max(finite, key=lambda point: point[1]),
        )

    def _sample(self, run: Run, points: int) -> Series:
        return store.sample_metrics(
            run, [self.key], points, stream=self.stream, x=self.axis, first=self.first, last=self.last
        )[self.key]

    def _pairs(self, rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Iterator[Point]:
        for row in rows:
            x, y = as_number(row, self.axis), as_number(row, self.key)
            if x is not None and y is not None and math.isfinite(x):
                yield x, y


def _key(text: str) -> str:
    if not text or len(text) > _LONGEST_KEY:
        raise Invalid("A chart needs the key of a metric.")
    return text


def _bound(text: str) -> float | None:
    """An end of the range asked for; what is no number bounds nothing."""
    try:
        number = float(text) if len(text) <= _LONGEST_NUMBER else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _written(run: Run, points: list[Point], *, cursor: str) -> dict[str, Any]:
    """Points as strict JSON: NaN and infinities leave a gap in y, and their places stand in `nan`."""
    return {
        "run": run.public_id,
        "x": [x for x, _ in points],
        "y": [y if math.isfinite(y) else None for _, y in points],
        "nan": [x for x, y in points if not math.isfinite(y)],
        "cursor": cursor,
    }
