from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import Invalid
from apps.projects.queries import get_project, open_project
from apps.runs.history import store
from apps.runs.table import FoundRuns, select_runs
from apps.vault.damage import leaving_out_damaged
from apps.web.conditions import Condition, as_filter, read_conditions
from apps.web.figures import grouped
from apps.web.links import project_url
from apps.web.panels import MOST_PANELS, metric_names, sections
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.runs_table import RUN_COLOURS, Column, runs_table

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.projects.types import OpenProject

PAGE_SIZE = 50
_NEWEST_FIRST = "-created_at"
_LONGEST_ORDER = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of the page asks for."""

    conditions: list[Condition]
    order: str
    start: int

    @classmethod
    def of(cls, request: Request) -> Asked:
        start = request.GET.get("from", "0")
        return cls(
            conditions=read_conditions(request.GET.getlist("q")),
            order=request.GET.get("order", "")[:_LONGEST_ORDER] or _NEWEST_FIRST,
            start=int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 0,
        )


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


def _context(request: Request, opened: OpenProject) -> dict[str, Any]:
    asked = Asked.of(request)
    found, refusal = _select(opened.project, asked)
    table = runs_table(found.runs, entity=opened.entity, project=opened.name)
    drawn = [row.opened.run for row in table.rows if row.colour]
    names = metric_names(store.keys_of(run) for run in drawn)
    return {
        "opened": opened,
        "url": project_url(opened.entity, opened.name),
        "is_team": opened.project.entity.user_id is None,
        "total": _total(opened.project),
        "found": found,
        "table": table,
        "conditions": [_term(request, condition) for condition in asked.conditions],
        "reasons": [each.reason for each in asked.conditions if each.meaning is None] + refusal,
        "order": asked.order,
        "heads": [_head(request, asked.order, column) for column in table.columns],
        "fixed_heads": {
            column.order: _head(request, asked.order, column)
            for column in (
                Column(_("Run"), "display_name", False),
                Column(_("State"), "state", False),
                Column(_("Created"), "created_at", False),
                Column(_("Runtime"), "duration", True),
            )
        },
        "pager": _pager(request, asked.start, found.total),
        "sections": sections(names),
        "axes": names[:MOST_PANELS],
        "runs_query": "".join(f"&run={run.public_id}" for run in drawn),
        "drawn": len(drawn),
        "most_drawn": RUN_COLOURS,
    }


def _total(project: Project) -> int:
    return select_runs(project, filters=None, order=None, offset=0, limit=0).total


def _select(project: Project, asked: Asked) -> tuple[FoundRuns, list[str]]:
    """The runs asked for; when the filter or the order means nothing, all of them and the reason."""
    try:
        found = select_runs(
            project,
            filters=as_filter(asked.conditions),
            order=asked.order,
            offset=asked.start,
            limit=PAGE_SIZE,
        )
    except Invalid as error:
        everything = select_runs(project, filters=None, order=_NEWEST_FIRST, offset=0, limit=PAGE_SIZE)
        return everything, [error.message]
    return found, []


def _address(request: Request, **changes: str | list[str] | None) -> str:
    """The page's own address with these changes; a change of what is listed begins at the first page."""
    query = request.GET.copy()
    if "from" not in changes:
        query.pop("from", None)
    for key, value in changes.items():
        query.setlist(key, value if isinstance(value, list) else [value] if value else [])
    return f"?{query.urlencode()}"


def _term(request: Request, condition: Condition) -> dict[str, Any]:
    others = [text for text in request.GET.getlist("q") if text.strip() and text.strip() != condition.text]
    return {"condition": condition, "without": _address(request, q=others)}


def _head(request: Request, order: str, column: Column) -> dict[str, Any]:
    """A column's head: the link sorts by it, descending first for figures, and turns what is sorted by it."""
    present = (
        "descending" if order == f"-{column.order}" else "ascending" if order == f"+{column.order}" else ""
    )
    down_first = column.is_number or column.order == "created_at"
    downwards = present == "ascending" or (not present and down_first)
    return {
        "column": column,
        "sorted": present,
        "href": _address(request, order=f"{'-' if downwards else '+'}{column.order}"),
    }


def _pager(request: Request, start: int, total: int) -> dict[str, str] | None:
    if total <= PAGE_SIZE and not start:
        return None
    end = min(start + PAGE_SIZE, total)
    newer, older = str(max(0, start - PAGE_SIZE)), str(end)
    place = _("%(first)s to %(last)s of %(total)s")
    return {
        "newer": _address(request, **{"from": newer}) if start else "",
        "older": _address(request, **{"from": older}) if end < total else "",
        "place": place % {"first": grouped(start + 1), "last": grouped(end), "total": grouped(total)},
    }
