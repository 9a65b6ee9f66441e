"""Saved views of a project's table of runs: which there are, opened, saved, changed and deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.access.policy import Permission
from apps.core.errors import Conflict, Invalid, TooMuch
from apps.projects.queries import get_project, open_project
from apps.projects.saved_views import damaged_views, get_view, open_view, views_of
from apps.projects.services import change_view, delete_view, save_view
from apps.projects.types import LONGEST_VIEW_NAME
from apps.vault.damage import leaving_out_damaged
from apps.vault.errors import Tampered
from apps.web.links import project_url, view_url
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.saved_views import pairs_in, table_in, table_url
from apps.web.views.artifacts import around

if TYPE_CHECKING:
    from apps.projects.models import Project, SavedView

_FORM = ["GET", "HEAD", "POST"]
_WRONG = (Conflict, Invalid, TooMuch)


@require_http_methods(_FORM)
def of_project(request: Request, entity: str, project: str) -> HttpResponseBase:
    """The list; a POST saves what the table shows as one more."""
    if request.method != "POST":
        held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
        return redirect("project", entity, project) if held.is_registry else _page(request, held)
    held = get_project(request.actor, Permission.PROJECT_WRITE, entity=entity, name=project)
    name = _name_in(request)
    try:
        made = save_view(held, name=name, table=table_in(request.POST), by=request.actor)
    except _WRONG as error:
        typed = {"name": name, "to_save": pairs_in(request.POST)}
        return _page(request, held, wrong=error.public_message, typed=typed)
    return redirect(view_url(entity, project, made.public_id))


@require_http_methods(_FORM)
def one(request: Request, entity: str, project: str, view: str) -> HttpResponseBase:
    """The link of a view leads to the table as it was; a POST has it called otherwise, show something else, or deletes it."""
    if request.method != "POST":
        held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
        try:
            return redirect(table_url(open_project(held), open_view(get_view(held, view))))
        except Tampered:  # the list says so, and lets whoever may delete it
            return redirect(f"{project_url(entity, project)}/views")
    held = get_project(request.actor, Permission.PROJECT_WRITE, entity=entity, name=project)
    found = get_view(held, view)
    try:
        _do(request, found)
    except _WRONG as error:
        typed = {"name": _name_in(request), "view": view}
        return _page(request, held, wrong=error.public_message, typed=typed)
    if request.POST.get("act") == "save":
        return redirect(view_url(entity, project, view))
    return redirect(f"{project_url(entity, project)}/views")


def _do(request: Request, view: SavedView) -> None:
    act = request.POST.get("act", "")
    if act == "save":
        change_view(view, table=table_in(request.POST), by=request.actor)
    elif act == "rename":
        change_view(view, name=_name_in(request), by=request.actor)
    elif act == "delete":
        delete_view(view, by=request.actor)


def _name_in(request: Request) -> str:
    """What is longer than any name is too long by its first letters already."""
    return request.POST.get("name", "")[: 2 * LONGEST_VIEW_NAME]


def _page(
    request: Request, held: Project, *, wrong: str = "", typed: dict[str, Any] | None = None
) -> HttpResponse:
    with leaving_out_damaged() as damaged:
        context = around(request, held) | {"views": views_of(held)}
    context |= {
        "damaged": damaged,
        "unreadable": damaged_views(held, damaged),
        "longest_name": LONGEST_VIEW_NAME,
        "wrong": wrong,
        "typed": typed,
    }
    return render(request, "projects/views.html", context, status=400 if wrong else 200)
