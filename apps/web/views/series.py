"""Points for charts: as JSON to draw, as CSV to keep, as a table to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.projects.queries import get_project, open_project
from apps.runs.queries import get_run, open_runs, runs_in
from apps.web.downloads import attachment, csv_lines
from apps.web.figures import figure, place_on
from apps.web.links import project_url, run_url
from apps.web.panels import MOST_DRAWN
from apps.web.points import Asked, Point, as_bytes, as_json
from apps.web.rendering import render
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.runs.models import Run
    from apps.runs.types import OpenRun

PACKED = "application/vnd.ownlog.points"


@require_safe
def of_run(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """One metric of one run: a sample with its peaks, or with a cursor all that came since."""
    return _drawn(request, [_run(request, entity, project, run)])


@require_safe
def of_project(request: Request, entity: str, project: str) -> HttpResponse:
    """One metric of several runs of a project, named by their public ids."""
    return _drawn(request, _runs(request, _project(request, entity, project)))


@require_safe
def csv_of_run(request: Request, entity: str, project: str, run: str) -> StreamingHttpResponse:
    """One metric of one run, every point of it."""
    return _kept(request, [_run(request, entity, project, run)])


@require_safe
def csv_of_project(request: Request, entity: str, project: str) -> StreamingHttpResponse:
    """One metric of several runs, every point of it."""
    return _kept(request, _runs(request, _project(request, entity, project)))


@require_safe
def table_of_run(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """A panel as a table: how the metric ended, and between what it moved."""
    held = _run(request, entity, project, run)
    return _read(request, held.project, [held])


@require_safe
def table_of_project(request: Request, entity: str, project: str) -> HttpResponse:
    """A panel as a table: how the metric ended in each run, and between what it moved."""
    held = _project(request, entity, project)
    return _read(request, held, _runs(request, held))


def _run(request: Request, entity: str, project: str, name: str) -> Run:
    return get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=name)


def _project(request: Request, entity: str, name: str) -> Project:
    return get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=name)


def _runs(request: Request, project: Project) -> list[Run]:
    return runs_in(project, public_ids=request.GET.getlist("run")[:MOST_DRAWN])


def _drawn(request: Request, runs: list[Run]) -> HttpResponse:
    asked = Asked.of(request)
    names = request.GET.getlist("run") or [run.public_id for run in runs]
    # Runs and cursors come in pairs; without any cursor all points are asked for.
    lines = asked.lines(runs, dict(zip(names, filter(None, request.GET.getlist("cursor")), strict=False)))
    if request.headers.get("Accept") == PACKED:
        return HttpResponse(as_bytes(asked.key, lines), content_type=PACKED)
    return HttpResponse(as_json(asked.key, lines), content_type="application/json")


def _kept(request: Request, runs: list[Run]) -> StreamingHttpResponse:
    asked = Asked.of(request)
    lines = csv_lines(["run", asked.axis, asked.key], _rows(asked, open_runs(runs)))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = attachment(f"{asked.key.replace('/', '-')}.csv")
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _rows(asked: Asked, runs: list[OpenRun]) -> Iterator[tuple[str, float, float]]:
    for opened in runs:
        for x, y in asked.every_point(opened.run):
            yield _title(opened), x, y


def _read(request: Request, project: Project, runs: list[Run]) -> HttpResponse:
    asked, held = Asked.of(request), open_project(project)
    extremes = asked.extremes(runs)
    rows = [
        {
            "title": _title(opened),
            "url": run_url(held.entity, held.name, opened.head.name),
            "last": _point(asked.axis, found.last),
            "least": _point(asked.axis, found.least),
            "most": _point(asked.axis, found.most),
        }
        for opened in open_runs(runs)
        if (found := extremes.get(opened.run.public_id)) is not None
    ]
    context: dict[str, Any] = {
        "asked": asked,
        "rows": rows,
        "project": held,
        "project_url": project_url(held.entity, held.name),
    }
    return render(request, "charts/_table.html" if request.htmx else "charts/table.html", context)


def _title(opened: OpenRun) -> str:
    return opened.head.display_name or opened.head.name


def _point(axis: str, point: Point) -> dict[str, str]:
    return {"value": figure(point[1]), "at": place_on(axis, point[0])}
