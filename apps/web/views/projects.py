from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.projects.queries import get_project, open_project
from apps.runs.defined import Definitions
from apps.runs.table import known_keys, present_version
from apps.vault.damage import leaving_out_damaged
from apps.web.columns import FIXED
from apps.web.conditions import completions
from apps.web.drawn import Eyes, names_logged
from apps.web.links import project_url
from apps.web.listing import (
    NEWEST_FIRST,
    Listing,
    address,
    column_groups,
    group_choices,
    head,
    order_choices,
    pager,
    shown_columns,
    term,
)
from apps.web.panels import MOST_DRAWN, MOST_PANELS, sections
from apps.web.registries import registry_facts
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.saved_views import OPENED, menu_of
from apps.web.views.table import ROWS_AT_ONCE, rights, table_of

if TYPE_CHECKING:
    from apps.projects.types import OpenProject


_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


@require_safe
def project(request: Request, entity: str, project: str) -> HttpResponse:
    """The project's runs as a table, filtered and sorted as asked, beside charts of the first of them; or a registry."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    opened = open_project(held)
    if held.is_registry:
        return _registry(request, opened)
    with leaving_out_damaged() as damaged:
        context = _context(request, opened)
    context["reasons"] += [error.message for error in damaged]
    return render(request, "projects/page.html", context)


def _registry(request: Request, opened: OpenProject) -> HttpResponse:
    with leaving_out_damaged() as damaged:
        facts = registry_facts(request.actor, opened)
    context = facts | {"can": rights(request, opened.project), "damaged": damaged}
    return render(request, "registries/page.html", context)


@require_safe
def workspace(request: Request, entity: str, project: str) -> HttpResponseBase:
    """The address that the client gives to a project, for whoever may see it."""
    get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    return redirect(project_url(entity, project))


def _context(request: Request, opened: OpenProject) -> dict[str, Any]:
    asked, version = Listing.of(request), present_version(opened.project)
    found, refusal = asked.select(opened.project, first=MOST_DRAWN)
    candidates = Eyes.of(request).candidates(opened.project, found, asked.groups)
    shown = [each for each in candidates if each.is_shown]
    drawn = [each.opened.run for each in shown]
    table = table_of(
        request, opened, asked, found, drawn={each.opened.run.public_id: each.colour for each in shown}
    )
    keys = known_keys(opened.project, seen_by=request.actor)
    definitions = Definitions.of_runs(each.opened.config_text for each in candidates if each.is_shown)
    names = names_logged(drawn, definitions)
    saved = menu_of(request, opened)
    rows_query = asked.rows_query(table.columns)
    if saved["open_view"] is not None:  # what folds a group leads back to the page
        rows_query += f"&{OPENED}={saved['open_view'].public_id}"
    return {
        **saved,
        "opened": opened,
        "url": project_url(opened.entity, opened.name),
        "can": rights(request, opened.project),
        # In the lines of a first run it stands in quotes of a shell and of Python.
        "name_in_script": opened.name if _PLAIN.fullmatch(opened.name) else "",
        "total": found.everything,
        "found": found,
        "table": table,
        "version": version,
        "rows_query": rows_query,
        "most_drawn": len(found.first),
        "start": asked.start,
        "window": ROWS_AT_ONCE,
        "conditions": [term(request, condition) for condition in asked.conditions],
        "reasons": [each.reason for each in asked.conditions if each.meaning is None] + refusal,
        "completions": completions(keys),
        "known_tags": keys.values.get("tags", []),
        "orders": [order for order in asked.orders if order != NEWEST_FIRST],
        "order_choices": order_choices(asked.orders, table.columns),
        "columns": [column.order for column in table.columns] if asked.columns else [],
        "pinned": asked.pinned,
        "groups": asked.groups,
        "group_choices": group_choices(asked, keys),
        "unfolded": ".".join(asked.unfolded),
        "ungrouped": address(request, group=None, open=None),
        "shown_columns": shown_columns(request, table.columns),
        "column_groups": column_groups(keys, table.columns),
        "column_count": len(keys.config) + len(keys.summary),
        "usual_columns": address(request, col=None),
        "heads": [head(request, asked.orders, column) for column in table.columns if not column.pin],
        "pinned_heads": [head(request, asked.orders, column) for column in table.columns if column.pin],
        "fixed_heads": {column.order: head(request, asked.orders, column) for column in _fixed()},
        "pager": pager(request, asked.start, found.length),
        "sections": sections(names),
        "definitions": definitions,
        "axes": names[:MOST_PANELS],
        "runs_query": "".join(f"&run={run.public_id}" for run in drawn),
        "drawn": len(drawn),
        "candidates": candidates,
    }


def _fixed() -> list[Any]:
    return [column() for column in FIXED]
