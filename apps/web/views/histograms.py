"""Histograms of a run over its steps: a page, one ridge of it, and one histogram exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.projects.queries import open_project
from apps.runs.history import store
from apps.runs.types import OpenRun, Stream
from apps.web.colours import run_colour, swatch_class
from apps.web.figures import place_on, setting
from apps.web.histograms import Placed, at_step, histogram_names, named, over_time
from apps.web.links import run_url
from apps.web.points import bound
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.ridge import bars, ridge
from apps.web.views.runs import frame, opened_run

if TYPE_CHECKING:
    from apps.runs.models import Run

MOST_RIDGES = 400


@require_safe
def histograms(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """All that the run logs, or the one asked for. The first is drawn; a script draws the others as they are looked at."""
    opened = opened_run(request, entity, project, run)
    context = frame(request, opened)
    names = histogram_names([context["keys"]])
    asked = request.GET.get("key", "")
    shown = [asked] if asked else names[:MOST_RIDGES]
    context |= {"names": shown, "is_one": bool(asked), "total": len(names)}
    if shown:
        context |= _ridge(request, opened.run, shown[0])
    return render(request, "runs/histograms.html", context)


@require_safe
def ridge_of(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """One key over the steps of the run. With a cursor nothing (204) when no row came since."""
    opened = opened_run(request, entity, project, run)
    cursor = request.GET.get("cursor", "")
    if cursor and cursor == store.present_cursor(opened.run, Stream.HISTORY):
        return HttpResponse(status=204)
    return render(request, "runs/_ridge.html", _place(opened) | _ridge(request, opened.run, _key(request)))


@require_safe
def one(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """The histogram of one step, with its counts and edges."""
    opened = opened_run(request, entity, project, run)
    step = bound(request.GET.get("at", ""))
    found = at_step(opened.run, _key(request), step) if step is not None else None
    return render(request, "runs/_histogram.html", _place(opened) | {"one": _exactly(found)})


def _key(request: Request) -> str:
    return named(request.GET.get("key", ""))


def _place(opened: OpenRun) -> dict[str, Any]:
    """What a part needs to know of the page around it."""
    held = open_project(opened.run.project)
    swatch = swatch_class(run_colour(opened.run.number))
    return {"opened": opened, "url": run_url(held.entity, held.name, opened.head.name), "swatch": swatch}


def _ridge(request: Request, run: Run, key: str) -> dict[str, Any]:
    # The cursor first: a row that comes in between is then asked for once more, and never missed.
    cursor = store.present_cursor(run, Stream.HISTORY)
    placed, step = over_time(run, named(key)), bound(request.GET.get("at", ""))
    chosen = _nearest(placed, step)
    return {
        "key": key,
        "cursor": cursor,
        "ridge": ridge(placed, chosen=chosen.step if chosen else None) if placed else None,
        "one": _exactly(chosen),
    }


def _nearest(placed: list[Placed], step: float | None) -> Placed | None:
    if not placed:
        return None
    return placed[-1] if step is None else min(placed, key=lambda each: abs(each.step - step))


def _exactly(placed: Placed | None) -> dict[str, Any] | None:
    if placed is None:
        return None
    found = placed.histogram
    low, high, most = max(found.bins, key=lambda each: each[2])
    return {
        "step": place_on("_step", placed.step),
        "total": setting(found.total),
        "count": len(found.counts),
        "from": setting(found.edges[0]),
        "to": setting(found.edges[-1]),
        "fullest": {"from": setting(low), "to": setting(high), "count": setting(most)},
        "bars": bars([found], whole=True),
        "bins": [(repr(low), repr(high), repr(count)) for low, high, count in found.bins],
    }
