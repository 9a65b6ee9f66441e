"""Alerts that scripts raised: of a run, of a project, and the way from a mail to one of them."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import NotFound
from apps.projects.queries import NO_PROJECT, get_project, open_project
from apps.runs.alerts import MOST_SHOWN, alerts_of, get_alert
from apps.runs.queries import open_run
from apps.vault.damage import leaving_out_damaged
from apps.web.alerts import shown, shown_in
from apps.web.links import run_url
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.artifacts import around
from apps.web.views.runs import frame, opened_run


@require_safe
def of_run(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """The last alerts of a run, the newest first."""
    opened = opened_run(request, entity, project, run)
    with leaving_out_damaged() as damaged:
        alerts = shown(alerts_of(opened.run))
    context = frame(request, opened) | {
        "raised": alerts,
        "most": MOST_SHOWN,
        "damaged": damaged,
    }
    return render(request, "runs/alerts.html", context)


@require_safe
def of_project(request: Request, entity: str, project: str) -> HttpResponse:
    """The last alerts of all runs of a project."""
    held = get_project(request.actor, Permission.RUN_READ, entity=entity, name=project)
    if held.is_registry:
        raise NotFound(NO_PROJECT)
    with leaving_out_damaged() as damaged:
        context = around(request, held)
        context |= {"raised": shown_in(context["opened"]), "most": MOST_SHOWN}
    return render(request, "projects/alerts.html", context | {"damaged": damaged})


@require_safe
def go(request: Request, public_id: str) -> HttpResponseBase:
    """From the id of an alert, which is all that a mail says of it, to where it stands."""
    alert = get_alert(request.actor, public_id=public_id)
    place = open_project(alert.run.project)
    name = open_run(alert.run).head.name
    return redirect(run_url(place.entity, place.name, name, "alerts") + f"#{alert.public_id}")
