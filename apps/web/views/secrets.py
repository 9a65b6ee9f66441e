from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.access.policy import Permission
from apps.leaks.queries import find_finding
from apps.leaks.services import dismiss_findings, erase_value
from apps.leaks.types import State
from apps.runs.queries import get_run, open_run
from apps.web.links import run_url
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.secrets import shown_all
from apps.web.views.runs import frame


@require_safe
def secrets(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """What of a run looks like a secret, for who may write it: where it stands, never the value."""
    held = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
    found = shown_all(held)
    context = frame(request, open_run(held))
    context |= {
        "standing": [each for each in found if each.state is State.OPEN],
        "masked": [each for each in found if each.state is State.MASKED],
        "settled": [each for each in found if each.state in (State.DISMISSED, State.ERASED)],
    }
    return render(request, "runs/secrets.html", context)


@require_POST
def dismiss(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """It is no secret. What is not found any more needs no decision."""
    held = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
    dismiss_findings(held, [request.POST.get("finding", "")], by=request.actor)
    return redirect(run_url(entity, project, run, "secrets"))


@require_POST
def erase(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Take the value out of the run, by one click."""
    held = get_run(request.actor, Permission.FILE_ERASE, entity=entity, project=project, name=run)
    finding = find_finding(held, request.POST.get("finding", ""))
    if finding is not None:
        erase_value(finding, by=request.actor)
    return redirect(run_url(entity, project, run, "secrets"))
