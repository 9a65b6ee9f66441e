"""What a chart asks for, and the points that answer it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from django.utils.translation import gettext as _

from apps.core.errors import Invalid
from apps.runs.history import store
from apps.runs.history.codec import as_number
from apps.runs.types import RunState, Stream
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.runs.history.store import Line
    from apps.runs.models import Run

_LEAST_POINTS, _POINTS, _MOST_POINTS = 50, 600, 4000
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)
_LONGEST_KEY = 2000
_LONGEST_NUMBER = 40
_ENOUGH_FOR_EXTREMES = 50
_COLUMNS = ("y", "low", "high")
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
    has_means: bool

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
            first=bound(request.GET.get("first", "")),
            last=bound(request.GET.get("last", "")),
            has_means=request.GET.get("as") == "means",
        )

    def lines(self, runs: Sequence[Run], cursors: Mapping[str, str]) -> list[Line]:
        """The points of each run, with a cursor for what comes after them; of a run with a cursor, what came since."""
        if cursors:
            known = {run: cursors[run.public_id] for run in runs if run.public_id in cursors}
            return store.fresh_lines(known, self.key, stream=self.stream, x=self.axis)
        read = store.mean_lines if self.has_means else store.sampled_lines
        return read(
            runs, self.key, self.points, stream=self.stream, x=self.axis, first=self.first, last=self.last
        )

    def every_point(self, run: Run) -> Iterator[Point]:
        """All that was logged in the range, as it was logged."""
        for x, y in self._pairs(store.scan(run, self.stream, keys=[self.axis, self.key])):
            if (self.first is None or x >= self.first) and (self.last is None or x <= self.last):
                yield x, y

    def extremes(self, runs: Sequence[Run]) -> dict[str, Extremes]:
        """By public id, of those that log this. A sample holds the highest, the lowest and the last point."""
        lines = store.sampled_lines(
            runs,
            self.key,
            _ENOUGH_FOR_EXTREMES,
            stream=self.stream,
            x=self.axis,
            first=self.first,
            last=self.last,
        )
        return {line.run.public_id: _extremes(line) for line in lines if len(line.columns[0])}

    def _pairs(self, rows: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> Iterator[Point]:
        for row in rows:
            x, y = as_number(row, self.axis), as_number(row, self.key)
            if x is not None and y is not None and math.isfinite(x):
                yield x, y


def _extremes(line: Line) -> Extremes:
    points: list[Point] = list(zip(*(column.tolist() for column in line.columns), strict=True))
    finite = [point for point in points if math.isfinite(point[1])] or points
    return Extremes(
        last=points[-1],
        least=min(finite, key=lambda point: point[1]),
        most=max(finite, key=lambda point: point[1]),
    )


def _key(text: str) -> str:
    if not text or len(text) > _LONGEST_KEY:
        raise Invalid(_("A chart needs the key of a metric."))
    return text


def bound(text: str) -> float | None:
    """An end of the range asked for; what is no number bounds nothing."""
    try:
        number = float(text) if len(text) <= _LONGEST_NUMBER else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def as_json(key: str, lines: Iterable[Line]) -> bytes:
    """Points as strict JSON: what is not finite leaves a gap in its column, and its place stands in `nan`."""
    series = [_facts(line) | _columns(line) for line in lines]
    # It writes numbers of an array as they lie, and null for what is not finite.
    return orjson.dumps({"key": key, "series": series}, option=orjson.OPT_SERIALIZE_NUMPY)


def as_bytes(key: str, lines: Sequence[Line]) -> bytes:
    """The same for a script that draws: facts as JSON behind their length, then each column as it lies in memory.

    A browser reads the columns where they are. Of fifty runs that is a tenth of the work of writing numbers as text.
    """
    facts = [_facts(line) | {"count": len(line.columns[0]), "columns": len(line.columns)} for line in lines]
    head = json.dumps({"key": key, "series": facts}).encode()
    head += b" " * (-(len(head) + 4) % 8)  # the columns begin where a number of eight bytes may
    columns = (column.astype("<f8").tobytes() for line in lines for column in line.columns)
    return b"".join((len(head).to_bytes(4, "little"), head, *columns))


def _facts(line: Line) -> dict[str, Any]:
    return {
        "run": line.run.public_id,
        "cursor": line.cursor,
        "is_reset": line.is_reset,
        "is_live": line.run.state == RunState.RUNNING,
    }


def _columns(line: Line) -> dict[str, Any]:
    import numpy as np

    x, *columns = line.columns
    named = dict(zip(_COLUMNS, columns, strict=False))
    return {"x": x, **named, "nan": x[~np.isfinite(columns[0])]}
