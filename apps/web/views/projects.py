from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.access.policy import Permission, Visibility
from apps.projects.queries import get_project, open_project
from apps.runs.defined import Definitions
from apps.runs.table import known_keys, select_runs
from apps.teams.gate import may
from apps.vault.damage import leaving_out_damaged
from apps.web.conditions import completions
from apps.web.drawn import Eyes, names_logged
from apps.web.links import project_url
from apps.web.listing import (
    NEWEST_FIRST,
    Listing,
    address,
    column_groups,
    head,
    order_choices,
    pager,
    term,
)
from apps.web.panels import MOST_PANELS, sections
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.runs_table import FIXED, RunsTable, runs_table

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.projects.types import OpenProject
    from apps.runs.types import OpenRun

ROWS_AT_ONCE = 100


@require_safe
def project(request: Request, entity: str, project: str) -> HttpResponse:
    """The project's runs as a table, filtered and sorted as asked, beside charts of the first of them."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    opened = open_project(held)
    with leaving_out_damaged() as damaged:
        context = _context(request, opened)
    context["reasons"] += [error.message for error in damaged]
    return render(request, "projects/page.html", context)


@require_safe
def workspace(request: Request, entity: str, project: str) -> HttpResponseBase:
    """The address that the client gives to a project."""
    return redirect(project_url(entity, project))


@require_safe
def rows(request: Request, entity: str, project: str) -> HttpResponse:
    """Some rows of the table, for a page that keeps only those in sight."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    opened, asked = open_project(held), Listing.of(request)
    with leaving_out_damaged():
        found, _refusal = asked.select(held, limit=ROWS_AT_ONCE)
    context = {"table": _table(opened, asked, found.runs), "can": _rights(request, held)}
    return render(request, "projects/_rows.html", context)


def _context(request: Request, opened: OpenProject) -> dict[str, Any]:
    asked = Listing.of(request)
    found, refusal = asked.select(opened.project)
    candidates = Eyes.of(request).candidates(opened.project, found.runs)
    drawn = [each.opened.run for each in candidates if each.is_shown]
    table = _table(opened, asked, found.runs, drawn=[run.public_id for run in drawn])
    keys = known_keys(opened.project)
    definitions = Definitions.of_runs(each.opened.config_text for each in candidates if each.is_shown)
    names = names_logged(drawn, definitions)
    return {
        "opened": opened,
        "url": project_url(opened.entity, opened.name),
        "is_team": opened.project.entity.user_id is None,
        "can": _rights(request, opened.project),
        "total": select_runs(opened.project, limit=0).total,
        "found": found,
        "table": table,
        "rows_query": asked.rows_query(table.columns),
        "start": asked.start,
        "window": ROWS_AT_ONCE,
        "conditions": [term(request, condition) for condition in asked.conditions],
        "reasons": [each.reason for each in asked.conditions if each.meaning is None] + refusal,
        "completions": completions(keys),
        "orders": [order for order in asked.orders if order != NEWEST_FIRST],
        "order_choices": order_choices(asked.orders, table.columns),
        "columns": [column.order for column in table.columns] if asked.columns else [],
        "column_groups": column_groups(keys, table.columns),
        "column_count": len(keys.config) + len(keys.summary),
        "usual_columns": address(request, col=None),
        "heads": [head(request, asked.orders, column) for column in table.columns],
        "fixed_heads": {column.order: head(request, asked.orders, column) for column in _fixed()},
        "pager": pager(request, asked.start, found.total),
        "sections": sections(names),
        "definitions": definitions,
        "axes": names[:MOST_PANELS],
        "runs_query": "".join(f"&run={run.public_id}" for run in drawn),
        "drawn": len(drawn),
        "candidates": candidates,
    }


def _fixed() -> list[Any]:
    return [column() for column in FIXED]


def _table(
    opened: OpenProject, asked: Listing, runs: list[OpenRun], *, drawn: Sequence[str] = ()
) -> RunsTable:
    return runs_table(
        runs,
        entity=opened.entity,
        project=opened.name,
        columns=asked.columns,
        start=asked.start,
        drawn=drawn,
    )


def _rights(request: Request, project: Project) -> dict[str, bool]:
    visibility = Visibility(project.visibility)
    return {"write": may(request.actor, Permission.RUN_WRITE, entity=project.entity, visibility=visibility)}
