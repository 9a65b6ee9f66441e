"""Points for charts, as JSON."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import Invalid
from apps.projects.queries import get_project
from apps.runs.history import store
from apps.runs.history.codec import as_number
from apps.runs.queries import get_run, runs_in
from apps.runs.types import Stream
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.runs.models import Run

MOST_RUNS = 24
_LEAST_POINTS, _POINTS, _MOST_POINTS = 50, 600, 4000
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)
_LONGEST_KEY = 2000


@require_safe
def of_run(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """One metric of one run: a sample with its peaks, or with a cursor all that came since."""
    held = get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=run)
    return _answer(request, [held])


@require_safe
def of_project(request: Request, entity: str, project: str) -> HttpResponse:
    """One metric of several runs of a project, named by their public ids."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    return _answer(request, runs_in(held, public_ids=request.GET.getlist("run")[:MOST_RUNS]))


def _answer(request: Request, runs: list[Run]) -> JsonResponse:
    asked = _Asked.of(request)
    return JsonResponse({"key": asked.key, "series": [asked.series(run) for run in runs]})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one panel asks for."""

    key: str
    stream: Stream
    points: int
    cursor: str

    @classmethod
    def of(cls, request: Request) -> _Asked:
        key, points = request.GET.get("key", ""), request.GET.get("points", "")
        if not key or len(key) > _LONGEST_KEY:
            raise Invalid("A chart needs the key of a metric.")
        return cls(
            key=key,
            stream=Stream.EVENTS if request.GET.get("stream") == Stream.EVENTS else Stream.HISTORY,
            points=max(_LEAST_POINTS, min(int(points), _MOST_POINTS))
            if _WHOLE.fullmatch(points)
            else _POINTS,
            cursor=request.GET.get("cursor", ""),
        )

    @property
    def axis(self) -> str:
        return "_runtime" if self.stream is Stream.EVENTS else "_step"

    def series(self, run: Run) -> dict[str, Any]:
        """The points with a cursor for what comes after them."""
        if self.cursor:
            fresh = store.rows_since(run, self.stream, self.cursor, keys=[self.axis, self.key])
            pairs = [(as_number(row, self.axis), as_number(row, self.key)) for row in fresh.rows]
            points = [(x, y) for x, y in pairs if x is not None and y is not None]
            return _written(run, points, cursor=fresh.cursor) | {"is_reset": fresh.is_reset}
        # The cursor first: a row that comes in between is then sent twice, which the page sorts out, and never lost.
        cursor = store.present_cursor(run, self.stream)
        sample = store.sample_metrics(run, [self.key], self.points, stream=self.stream, x=self.axis)[self.key]
        return _written(run, list(zip(sample.x, sample.y, strict=True)), cursor=cursor)


def _written(run: Run, points: list[tuple[float, float]], *, cursor: str) -> dict[str, Any]:
    """Points as strict JSON: NaN and infinities leave a gap in y, and their places stand in `nan`."""
    return {
        "run": run.public_id,
        "x": [x for x, _ in points],
        "y": [y if math.isfinite(y) else None for _, y in points],
        "nan": [x for x, y in points if not math.isfinite(y)],
        "cursor": cursor,
    }
