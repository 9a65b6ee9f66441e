"""Erasing runs and projects: what would go, then the erasure itself, which has a page that says how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.access.policy import Permission
from apps.accounts.names import as_stored
from apps.erasure.grace import could_be_taken_back_until, organisation_waits_until
from apps.erasure.organisations import erase_organisation, organisation_would_go
from apps.erasure.queries import get_job, jobs_seen_by, runs_to_erase, team_would_go, would_go
from apps.erasure.receipts import get_receipt
from apps.erasure.services import erase_project, erase_run, erase_runs
from apps.erasure.taking_back import erase_now, take_back
from apps.erasure.teams import erase_team
from apps.erasure.types import Scope
from apps.projects.queries import get_project, open_project
from apps.runs.queries import get_run, open_run
from apps.teams.queries import get_organisation, get_team
from apps.vault.damage import leaving_out_damaged
from apps.web.erasing import progress_in_list, progress_of
from apps.web.links import project_url, run_url
from apps.web.registries import frame, shelves, short_name
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.seals import seal_of

if TYPE_CHECKING:
    from datetime import datetime

    from apps.erasure.models import ErasureJob
    from apps.projects.types import OpenProject

_FORM = ["GET", "HEAD", "POST"]


@require_http_methods(_FORM)
def run(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """A run, with everything below it."""
    target = get_run(request.actor, Permission.RUN_ERASE, entity=entity, project=project, name=run)
    if request.method == "POST":
        return _begun(erase_run(target, by=request.actor, at_once="now" in request.POST))
    head = open_run(target).head
    context = {
        "went": would_go(Scope.RUNS, [target]),
        "until": could_be_taken_back_until(target.project.entity, Scope.RUNS),
        "title": head.display_name or head.name,
        "action": f"{run_url(entity, project, run)}/erase",
        "back": run_url(entity, project, run),
    }
    return _preview(request, open_project(target.project), context)


@require_http_methods(_FORM)
def runs(request: Request, entity: str, project: str) -> HttpResponseBase:
    """The runs that were chosen in the table."""
    held = get_project(request.actor, Permission.RUN_READ, entity=entity, name=project)
    asked = request.POST if request.method == "POST" else request.GET
    ids = [each for text in asked.getlist("runs") for each in text.split(",") if each]
    chosen = runs_to_erase(request.actor, held, public_ids=ids)
    if not chosen:
        # Nothing to be asked about one by one: whoever may erase none of others' is told so.
        get_project(request.actor, Permission.RUN_ERASE, entity=entity, name=project)
        return redirect(project_url(entity, project))
    if request.method == "POST":
        return _begun(erase_runs(chosen, by=request.actor, at_once="now" in request.POST))
    context = {
        "went": would_go(Scope.RUNS, chosen),
        "until": could_be_taken_back_until(held.entity, Scope.RUNS),
        "chosen": ",".join(each.public_id for each in chosen),
        "action": f"{project_url(entity, project)}/erase",
        "back": project_url(entity, project),
    }
    return _preview(request, open_project(held), context)


@require_http_methods(_FORM)
def project(request: Request, entity: str, project: str) -> HttpResponseBase:
    """A project or a registry with everything in it. Its name is typed first, so that nobody erases the wrong one."""
    held = get_project(request.actor, Permission.PROJECT_ERASE, entity=entity, name=project)
    opened = open_project(held)
    error, typed = "", request.POST.get("name", "")
    if request.method == "POST":
        if typed.strip() == (short_name(opened) if held.is_registry else opened.name):
            return _begun(erase_project(held, by=request.actor, at_once="now" in request.POST))
        error = _("This is not the name of the project. Type it as it stands above.")
    if held.is_registry:
        until = could_be_taken_back_until(held.entity, Scope.PROJECT)
        return _registry_page(request, opened, typed=typed[:200], is_wrong=bool(error), until=until)
    context = {
        "is_project": True,
        "went": would_go(Scope.PROJECT, [held]),
        "until": could_be_taken_back_until(held.entity, Scope.PROJECT),
        "error": error,
        "typed": typed[:200],
        "action": f"{project_url(entity, project)}/settings/erase",
        "back": f"{project_url(entity, project)}/settings",
    }
    return _preview(request, opened, context, status=400 if error else 200)


@require_http_methods(_FORM)
def team(request: Request, entity: str) -> HttpResponseBase:
    """A team with everything in it. Its name is typed first."""
    held = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
    error, typed = "", request.POST.get("name", "")
    if request.method == "POST":
        if as_stored(typed.strip()) == held.name:
            return _begun(erase_team(held, by=request.actor, at_once="now" in request.POST))
        error = _("This is not the name of the team. Type it as it stands above.")
    context = {
        "team": held.name,
        "went": would_go(Scope.TEAM, [held]),
        "beside": team_would_go(held),
        "until": could_be_taken_back_until(held, Scope.TEAM),
        "error": error,
        "typed": typed[:200],
    }
    return render(request, "erasing/team.html", context, status=400 if error else 200)


@require_http_methods(_FORM)
def organisation(request: Request, organisation: str) -> HttpResponseBase:
    """An organisation with its registries. Its name is typed first."""
    held = get_organisation(request.actor, Permission.ENTITY_ADMIN, name=organisation)
    error, typed = "", request.POST.get("name", "")
    if request.method == "POST":
        if as_stored(typed.strip()) == held.name:
            return _begun(erase_organisation(held, by=request.actor, at_once="now" in request.POST))
        error = _("This is not the name of the organisation. Type it as it stands above.")
    context = {
        "organisation": held.name,
        "went": organisation_would_go(held),
        "until": organisation_waits_until(),
        "error": error,
        "typed": typed[:200],
    }
    return render(request, "erasing/organisation.html", context, status=400 if error else 200)


@login_required
@require_safe
def erasures(request: Request) -> HttpResponse:
    jobs = progress_in_list(jobs_seen_by(request.actor), request.actor)
    return render(request, "erasing/jobs.html", {"jobs": jobs})


@login_required
@require_safe
def erasure(request: Request, erasure: str) -> HttpResponse:
    """How far one erasure is, and of what while it can be taken back. Its keys gone, nobody here knows any more what it was called."""
    job = progress_of(get_job(request.actor, public_id=erasure), request.actor)
    receipt = get_receipt(request.actor, public_id=erasure) if job.has_receipt else None
    context = {"job": job, "run_url": _run_that_stays(request, job.job), "seal": receipt and seal_of(receipt)}
    response = render(request, "erasing/job.html", context)
    if request.htmx and job.is_over:
        response["HX-Refresh"] = "true"  # the page that waited says so in its heading too
    return response


@login_required
@require_POST
def restore(request: Request, erasure: str) -> HttpResponseBase:
    """Take an erasure back that waits."""
    return _begun(take_back(request.actor, public_id=erasure))


@login_required
@require_POST
def now(request: Request, erasure: str) -> HttpResponseBase:
    """Have one begin that waits."""
    return _begun(erase_now(request.actor, public_id=erasure))


def _registry_page(
    request: Request, opened: OpenProject, *, typed: str, is_wrong: bool, until: datetime | None
) -> HttpResponse:
    with leaving_out_damaged():  # what does not open goes as well
        (shelf,) = shelves(request.actor, [opened])
    error = _("This is not the name of the registry. Type it as it stands above.") if is_wrong else ""
    context = frame(opened) | {"shelf": shelf, "typed": typed, "error": error, "until": until}
    return render(request, "erasing/registry.html", context, status=400 if is_wrong else 200)


def _run_that_stays(request: Request, job: ErasureJob) -> str:
    """Where the run is whose parts or files are erased, as the page that asked for it handed on; nothing here remembers it."""
    names = [request.GET.get(each, "") for each in ("entity", "project", "run")]
    return run_url(*names) if job.scope in {Scope.PART, Scope.FILES} and all(names) else ""


def _begun(job: ErasureJob) -> HttpResponseBase:
    return redirect("erasure", erasure=job.public_id)


def _preview(
    request: Request, opened: OpenProject, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    place = project_url(opened.entity, opened.name)
    return render(
        request, "erasing/preview.html", {"opened": opened, "project_url": place, **context}, status=status
    )
