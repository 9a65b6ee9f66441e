from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import Invalid
from apps.projects.gate import may, those_allowed
from apps.projects.queries import get_project, open_project
from apps.runs.defined import Definitions
from apps.runs.table import best_values, ids_of_runs, present_version
from apps.vault.damage import leaving_out_damaged
from apps.web.columns import Column, directions_of
from apps.web.drawn import Eyes, names_logged
from apps.web.listing import PAGE_SIZE, Found, Listing, fold
from apps.web.panels import MOST_DRAWN
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.runs_table import RunsTable, runs_table

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.projects.types import OpenProject

# As many as the page begins with, and nearly what a screen shows with what the script holds ready around it.
ROWS_AT_ONCE = PAGE_SIZE


@require_safe
def rows(request: Request, entity: str, project: str) -> HttpResponse:
    """Some rows of the table, for a page that keeps only those in sight; `X-Length` is how many there are in all."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    opened, asked = open_project(held), Listing.of(request)
    with leaving_out_damaged():
        found, _refusal = asked.select(held, limit=ROWS_AT_ONCE)
    context = {"table": table_of(request, opened, asked, found), "can": rights(request, held)}
    response = render(request, "projects/_rows.html", context)
    response["X-Length"] = str(found.length)
    return response


@require_safe
def ids(request: Request, entity: str, project: str) -> HttpResponse:
    """The public ids of all runs that pass the filter, in their order."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    asked = Listing.of(request)
    with leaving_out_damaged():
        return JsonResponse(
            {"runs": ids_of_runs(held, filters=asked.filters, order=asked.orders, seen_by=request.actor)}
        )


@require_safe
def live(request: Request, entity: str, project: str) -> HttpResponse:
    """What changes around the rows when runs come, go or change. Answers 204 while none did."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    version = present_version(held)
    if request.GET.get("version") == version:
        return HttpResponse(status=204)
    asked = Listing.of(request)
    with leaving_out_damaged():
        found, _refusal = asked.select(held, limit=MOST_DRAWN, first=MOST_DRAWN)
        candidates = Eyes.of(request).candidates(held, found, asked.groups)
        shown = [each.opened for each in candidates if each.is_shown]
        definitions = Definitions.of_runs(each.config_text for each in shown)
        panels = names_logged((each.run for each in shown), definitions)
    context = {
        "version": version,
        "found": found,
        "total": found.everything,
        "groups": asked.groups,
        "candidates": candidates,
        "panel_count": len(panels),
    }
    return render(request, "projects/_live.html", context)


def table_of(
    request: Request,
    opened: OpenProject,
    asked: Listing,
    found: Found,
    *,
    drawn: Mapping[str, int] = MappingProxyType({}),
) -> RunsTable:
    """What was found, as rows of the project's table."""
    definitions = Definitions.of_runs(each.config_text for each in found.runs)

    def best(columns: Sequence[Column]) -> Mapping[str, float]:
        directions = directions_of(columns, definitions)
        try:
            return (
                best_values(opened.project, directions, filters=asked.filters, seen_by=request.actor)
                if directions
                else {}
            )
        except Invalid:
            return {}

    return runs_table(
        found,
        asked,
        entity=opened.entity,
        project=opened.name,
        fold=lambda group_id: fold(request, asked, group_id),
        drawn=drawn,
        best=best,
    )


def rights(request: Request, project: Project) -> dict[str, bool]:
    held = those_allowed(
        request.actor,
        project,
        Permission.RUN_WRITE,
        Permission.PROJECT_EXPORT,
        Permission.PROJECT_SHARE,
        Permission.PROJECT_WRITE,
    )
    return {
        "write": Permission.RUN_WRITE in held,
        "export": Permission.PROJECT_EXPORT in held,
        "share": Permission.PROJECT_SHARE in held,
        "save_views": Permission.PROJECT_WRITE in held,
        # Some of them at least: which ones, the page that asks first says.
        "erase_runs": may(request.actor, Permission.RUN_ERASE, project, is_own=True),
    }
