"""Exports: asked for from a project, of chosen runs or of everything; how far one is, its archive, and its end."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.access.policy import Permission
from apps.accounts.queries import user_of
from apps.core.errors import Invalid, NotFound, TooMuch
from apps.erasure.exports import erase_exports
from apps.erasure.queries import would_go
from apps.erasure.types import Scope
from apps.exports.asking import ask_for, ask_for_account
from apps.exports.queries import exports_seen_by, file_name, get_archive, get_export, kept_for, read_archive
from apps.exports.services import export_project, export_runs, note_fetched, retry
from apps.exports.types import ExportScope, Tables
from apps.projects.queries import get_project, open_project
from apps.runs.queries import count_runs, runs_in
from apps.runs.types import RunCount
from apps.teams.queries import entities_of
from apps.web.again import require_fresh_proof
from apps.web.exporting import choices, shown
from apps.web.links import project_url
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.serving import Handed, served
from apps.web.views.table import rights

if TYPE_CHECKING:
    from apps.exports.models import Export
    from apps.teams.models import Entity

_FORM = ["GET", "HEAD", "POST"]
_PROVEN = (
    "account_export"  # in a session: the one whose archive its person has shown who they are for, and when
)
_GOES_ON_FOR = 12 * 3600.0


@require_http_methods(_FORM)
def project(request: Request, entity: str, project: str) -> HttpResponseBase:
    """What an export of a project, or of the runs that were chosen, holds; and asking for it."""
    held = get_project(request.actor, Permission.PROJECT_EXPORT, entity=entity, name=project)
    asked = request.POST if request.method == "POST" else request.GET
    ids = [each for text in asked.getlist("runs") for each in text.split(",") if each]
    chosen = runs_in(held, public_ids=ids)
    if ids and not chosen:
        return redirect(project_url(entity, project))
    error = ""
    if request.method == "POST":
        try:
            tables = _tables(request)
            ask = partial(export_runs, chosen) if chosen else partial(export_project, held)
            return redirect("export", export=ask(by=request.actor, tables=tables).public_id)
        except (Invalid, TooMuch) as refused:
            error = refused.message
    opened, place = open_project(held), project_url(entity, project)
    context = {
        "opened": opened,
        "project_url": place,
        "url": place,
        "can": rights(request, held),
        "total": count_runs([held]).get(held.pk, RunCount()).total,
        "holds": would_go(Scope.RUNS, chosen) if chosen else would_go(Scope.PROJECT, [held]),
        "kept_days": kept_for().days,
        "chosen": ",".join(run.public_id for run in chosen),
        "choices": choices(),
        "picked": asked.get("tables", Tables.PARQUET.value)[:20],
        "error": error,
        "action": f"{place}/export",
    }
    return render(request, "exporting/ask.html", context, status=400 if error else 200)


@login_required
@require_http_methods(_FORM)
def exports(request: Request) -> HttpResponseBase:
    """The newest of them, and asking for everything of somebody's own or of a team."""
    error, picked = "", request.POST.get("entity", "")[:200]
    is_account = request.POST.get("what") == ExportScope.ACCOUNT
    if request.method == "POST":
        try:
            if is_account:
                require_fresh_proof(request, user_of(request.actor))
                return redirect(
                    "export", export=ask_for_account(request.actor, tables=_tables(request)).public_id
                )
            if not picked:
                raise Invalid(_("Choose whose."))
            return redirect(
                "export", export=ask_for(request.actor, entity=picked, tables=_tables(request)).public_id
            )
        except (Invalid, NotFound, TooMuch) as refused:
            error = refused.message
    context = {
        "exports": [shown(each, to=request.actor) for each in exports_seen_by(request.actor)],
        "entities": _own_first(entities_of(request.actor)),
        "entity": picked or request.user.username,
        "choices": choices(),
        "picked": request.POST.get("tables", Tables.PARQUET.value)[:20],
        "error": "" if is_account else error,
        "account_error": error if is_account else "",
    }
    return render(request, "exporting/exports.html", context, status=400 if error else 200)


@login_required
@require_safe
def export(request: Request, export: str) -> HttpResponse:
    """How far one export is."""
    found = shown(get_export(request.actor, public_id=export), to=request.actor)
    response = render(request, "exporting/export.html", {"found": found})
    if request.htmx and not found.is_going:
        response["HX-Refresh"] = "true"  # the page that waited says so in its heading too
    return response


@login_required
@require_safe
def archive(request: Request, export: str) -> HttpResponseBase:
    """The archive, whole or the part that a download goes on with."""
    held = get_archive(request.actor, public_id=export)
    if held.scope == ExportScope.ACCOUNT:
        _require_proof_once(request, held)
    if request.method == "GET":
        note_fetched(held, by=request.actor, from_start=_from_start(request))
    return served(request, _handed(held), "application/zip")


@login_required
@require_POST
def erase(request: Request, export: str) -> HttpResponseBase:
    """Its end: called off while it is made, erased when it is there."""
    job = erase_exports([get_export(request.actor, public_id=export)], by=request.actor)
    return redirect("erasure", erasure=job.public_id)


@login_required
@require_POST
def again(request: Request, export: str) -> HttpResponseBase:
    """Going on with one that failed."""
    found = retry(get_export(request.actor, public_id=export), by=request.actor)
    return redirect("export", export=found.public_id)


def _require_proof_once(request: Request, held: Export) -> None:
    """Somebody else at a browser that was left open takes nobody's account along: whoever begins shows who they are. A download
    that goes on some hours later is not asked again."""
    proven, at = request.session.get(_PROVEN) or ("", 0.0)
    if _from_start(request) or proven != held.public_id or not 0 <= time.time() - at < _GOES_ON_FOR:
        require_fresh_proof(request, user_of(request.actor))
        request.session[_PROVEN] = [held.public_id, time.time()]


def _own_first(entities: Iterable[Entity]) -> list[str]:
    return [each.name for each in sorted(entities, key=lambda each: (each.user_id is None, each.name))]


def _handed(export: Export) -> Handed:
    assert export.ready_at is not None
    read: Any = partial(read_archive, export)
    return Handed(file_name(export), export.size, export.ready_at, read, f'"{export.public_id}"')


def _from_start(request: Request) -> bool:
    """The first of the parts in which a program fetches it, or the whole."""
    asked = request.headers.get("Range", "").strip()
    return not asked or asked.startswith("bytes=0-")


def _tables(request: Request) -> Tables:
    try:
        return Tables(request.POST.get("tables", Tables.PARQUET.value))
    except ValueError:
        raise Invalid(_("Choose one of the formats.")) from None
