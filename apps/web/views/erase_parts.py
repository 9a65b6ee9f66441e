"""Erasing parts and files of a run that stays: chosen from a list, or where they are shown; then what would go, then the erasure itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.access.policy import Permission
from apps.core.errors import Conflict, NotFound
from apps.erasure.grace import could_be_taken_back_until
from apps.erasure.parts import check_ended, check_parts, erase_parts, parts_would_go
from apps.erasure.queries import would_go
from apps.erasure.services import check_count, erase_files
from apps.erasure.types import Scope
from apps.files.queries import list_files
from apps.projects.queries import open_project
from apps.runs.queries import get_run, open_run
from apps.web.links import project_url, run_url, with_query
from apps.web.parts import (
    asked_files,
    asked_parts,
    groups_of,
    kind_word,
    names_a_file,
    word_of,
    word_of_file,
)
from apps.web.rendering import render
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.erasure.models import ErasureJob
    from apps.runs.models import Run
    from apps.runs.parts import RunPart
    from apps.runs.types import OpenRun

_LONGEST_SEARCH = 200


@require_http_methods(["GET", "HEAD", "POST"])
def parts(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Without a part the list to choose from, with some what would go, and by POST the erasure."""
    words = (request.POST if request.method == "POST" else request.GET).getlist("part")
    is_of_files = names_a_file(words)
    held = get_run(
        request.actor,
        Permission.FILE_ERASE if is_of_files else Permission.RUN_ERASE,
        entity=entity,
        project=project,
        name=run,
    )
    if is_of_files:
        return _files(request, held, asked_files(words))
    chosen, refusal = asked_parts(words), ""
    if chosen:
        check_parts(held, chosen)
    try:
        check_ended(held)
        if chosen and request.method == "POST":
            job = erase_parts(held, chosen, by=request.actor)
            return _begun(job, entity, project, run)
    except Conflict as error:  # the run goes on, or was taken up again since the page was made
        refusal = error.message
    opened = open_run(held)
    around = _around(opened, refusal)
    if not chosen:
        find = request.GET.get("find", "")[:_LONGEST_SEARCH]
        around |= {"groups": groups_of(opened, find), "find": find}
        return render(request, "erasing/choose_parts.html", around)
    context = around | _counted(opened, chosen)
    status = 409 if refusal and request.method == "POST" else 200
    return render(request, "erasing/parts.html", context, status=status)


def _files(request: Request, run: Run, names: list[str]) -> HttpResponseBase:
    """The same of whole files, which a run loses while it goes on too: nothing else of it is written anew."""
    check_count(names)
    found = list_files(run, names=names)
    if len(found) < len(names):
        raise NotFound(_("There is no such file, or it is not shared with you."))
    files, opened = [each.file for each in found], open_run(run)
    if request.method == "POST":
        job = erase_files(files, by=request.actor, at_once="now" in request.POST)
        place = open_project(run.project)
        return _begun(job, place.entity, place.name, opened.head.name)
    around = _around(opened, "")
    if len(found) == 1:
        around["back"] = f"{around['run_url']}/preview/{quote(found[0].name, safe='')}"
    context = around | {
        "went": would_go(Scope.FILES, files),
        "until": could_be_taken_back_until(run.project.entity, Scope.FILES),
        "chosen": [{"name": each.name, "size": each.size, "word": word_of_file(each.name)} for each in found],
    }
    return render(request, "erasing/files.html", context)


def _begun(job: ErasureJob, entity: str, project: str, run: str) -> HttpResponseBase:
    """On that page nothing knows which run it was, unless it is told so here."""
    place = reverse("erasure", args=[job.public_id])
    return redirect(with_query(place, {"entity": entity, "project": project, "run": run}))


def _counted(opened: OpenRun, chosen: list[RunPart]) -> dict[str, Any]:
    return {
        "went": parts_would_go(opened.run, chosen),
        "chosen": [
            {"kind": kind_word(part.kind), "name": part.name, "word": word_of(part)} for part in chosen
        ],
    }


def _around(opened: OpenRun, refusal: str) -> dict[str, Any]:
    place = open_project(opened.run.project)
    url = run_url(place.entity, place.name, opened.head.name)
    return {
        "opened": place,
        "project_url": project_url(place.entity, place.name),
        "title": opened.head.display_name or opened.head.name,
        "action": f"{url}/erase/parts",
        "run_url": url,
        "back": url,
        "refusal": refusal,
    }
