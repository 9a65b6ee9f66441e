from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.errors import Invalid, NotFound
from apps.projects.queries import projects_of
from apps.projects.seen import Page, audited_entity, audited_organisation, export_record, page_of
from apps.vault.damage import leaving_out_damaged
from apps.web.downloads import attachment, csv_lines
from apps.web.record import HEAD, Looking, days, quick_looks, told
from apps.web.rendering import render
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.projects.seen import Owner
    from apps.teams.models import Entity

_LINES = 50
_MOST_DIGITS = 18
_FORMS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


@login_required
@require_safe
def mine(request: Request) -> HttpResponseBase:
    """Who saw what is mine, and what was done to my account."""
    held = audited_entity(request.actor, request.actor.username)
    return _page(request, held, _in_projects(request, held), reverse("audit"))


@login_required
@require_safe
def mine_export(request: Request) -> HttpResponseBase:
    held = audited_entity(request.actor, request.actor.username)
    return _export(request, held, _in_projects(request, held))


@require_safe
def of_team(request: Request, entity: str) -> HttpResponseBase:
    held = _team(request, entity)
    url = reverse("team-audit", args=[entity])
    return _page(request, held, _in_projects(request, held), url, is_team=True)


@require_safe
def of_team_export(request: Request, entity: str) -> HttpResponseBase:
    held = _team(request, entity)
    return _export(request, held, _in_projects(request, held))


@require_safe
def of_organisation(request: Request, organisation: str) -> HttpResponseBase:
    """Who changed an organisation's people, teams and settings."""
    held = audited_organisation(request.actor, organisation)
    url = reverse("organisation-audit", args=[organisation])
    return _page(request, held, _in_no_project(request), url, is_organisation=True)


@require_safe
def of_organisation_export(request: Request, organisation: str) -> HttpResponseBase:
    held = audited_organisation(request.actor, organisation)
    return _export(request, held, _in_no_project(request))


def _team(request: Request, name: str) -> Entity:
    held = audited_entity(request.actor, name)
    if held.user_id is not None:
        raise NotFound("Not found.")
    return held


def _page(request: Request, owner: Owner, looking: Looking, url: str, **what: bool) -> HttpResponse:
    page = Page([], None, None)
    if looking.is_valid():
        before, after = _number(request, "before"), _number(request, "after")
        page = page_of(
            request.actor, owner, looking.asked(request.actor), before=before, after=after, most=_LINES
        )
    context = {
        "owner": owner,
        "looking": looking,
        "days": days(request.actor, owner, page.lines),
        "zone": timezone.get_current_timezone_name(),
        "quick": [(words, _with(request, url, since=day, until="")) for words, day in quick_looks()],
        "url": url,
        "csv": _with(request, f"{url}/export", form="csv"),
        "jsonl": _with(request, f"{url}/export", form="jsonl"),
        "pager": {
            "newer": _with(request, url, after=str(page.newer)) if page.newer else "",
            "older": _with(request, url, before=str(page.older)) if page.older else "",
            "place": "",
        },
    }
    return render(request, "settings/audit.html", context | what)


def _in_projects(request: Request, entity: Entity) -> Looking:
    with leaving_out_damaged():
        return Looking(request.GET, projects_of(request.actor, entity))


def _in_no_project(request: Request) -> Looking:
    """An organisation owns no projects, and its record is not mostly of who looked."""
    return Looking(request.GET, [], kind="")


def _export(request: Request, owner: Owner, looking: Looking) -> HttpResponseBase:
    form = request.GET.get("form", "csv")
    if form not in _FORMS or not looking.is_valid():
        raise Invalid("There is no such export.")
    lines = map(told, export_record(request.actor, owner, looking.asked(request.actor), form=form))
    if form == "csv":
        cells = ([_cell(line[name]) for name in HEAD] for line in lines)
        parts = csv_lines(HEAD, cells)
    else:
        parts = ((json.dumps(line) + "\n").encode() for line in lines)
    answer = StreamingHttpResponse(parts, content_type=_FORMS[form])
    answer["Content-Disposition"] = attachment(f"{owner.name}-audit.{form}")
    return answer


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict) else "" if value is None else value


def _number(request: Request, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def _with(request: Request, url: str, **more: str) -> str:
    """The same question, further on or in another form."""
    query = request.GET.copy()
    for name in ("before", "after", "form"):
        query.pop(name, None)
    for name, value in more.items():
        query[name] = value
    return f"{url}?{query.urlencode()}"
