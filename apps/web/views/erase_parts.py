"""Erasing parts of a run that stays: chosen from a list, or where they are shown; then what would go, then the erasure itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.access.policy import Permission
from apps.core.errors import Conflict
from apps.erasure.parts import check_ended, check_parts, erase_parts, parts_would_go
from apps.projects.queries import open_project
from apps.runs.queries import get_run, open_run
from apps.web.links import project_url, run_url, with_query
from apps.web.parts import asked_parts, groups_of, kind_word, word_of
from apps.web.rendering import render
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.runs.parts import RunPart
    from apps.runs.types import OpenRun

_LONGEST_SEARCH = 200


@require_http_methods(["GET", "HEAD", "POST"])
def parts(request: Request, entity: str, project: str, run: str) -> HttpResponseBase:
    """Without a part the list to choose from, with some what would go, and by POST the erasure."""
    held = get_run(request.actor, Permission.RUN_ERASE, entity=entity, project=project, name=run)
    asked = request.POST if request.method == "POST" else request.GET
    chosen, refusal = asked_parts(asked.getlist("part")), ""
    if chosen:
        check_parts(held, chosen)
    try:
        check_ended(held)
        if chosen and request.method == "POST":
            job = erase_parts(held, chosen, by=request.actor)
            # On that page nothing knows which run it was, unless it is told so here.
            place = reverse("erasure", args=[job.public_id])
            return redirect(with_query(place, {"entity": entity, "project": project, "run": run}))
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
        "back": url,
        "refusal": refusal,
    }
