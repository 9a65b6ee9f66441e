from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.access.policy import Permission
from apps.core.errors import TooMuch
from apps.projects.queries import get_project
from apps.runs.queries import runs_in
from apps.runs.services import change_tags, request_stop
from apps.web.editing import read_tags
from apps.web.links import project_url
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.runs.models import Run

MOST_AT_ONCE = 500


@require_POST
def tag(request: Request, entity: str, project: str) -> HttpResponseBase:
    """Give the chosen runs these tags, or take them away."""
    runs, tags = _chosen(request, entity, project), read_tags(request.POST.get("tag", ""))
    is_removal = "remove" in request.GET
    change_tags(runs, add=[] if is_removal else tags, remove=tags if is_removal else [], by=request.actor)
    return _done(request, entity, project)


@require_POST
def stop(request: Request, entity: str, project: str) -> HttpResponseBase:
    """Ask those of the chosen runs that go on to stop."""
    for run in _chosen(request, entity, project):
        request_stop(run, by=request.actor)
    return _done(request, entity, project)


def _chosen(request: Request, entity: str, project: str) -> list[Run]:
    held = get_project(request.actor, Permission.RUN_WRITE, entity=entity, name=project)
    asked = [each for text in request.POST.getlist("runs") for each in text.split(",") if each]
    if len(asked) > MOST_AT_ONCE:
        raise TooMuch(_("At most %(n)d runs can be changed at once.") % {"n": MOST_AT_ONCE})
    return runs_in(held, public_ids=asked)


def _done(request: Request, entity: str, project: str) -> HttpResponseBase:
    return HttpResponse(status=204) if request.htmx else redirect(project_url(entity, project))
