from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.accounts.queries import api_keys_of, no_account_yet
from apps.core.errors import NotFound
from apps.projects.queries import my_projects, projects_of
from apps.projects.types import OpenProject
from apps.runs.queries import count_runs
from apps.runs.types import RunCount
from apps.teams.queries import entities_of, entity_by_name
from apps.vault.damage import leaving_out_damaged
from apps.web.links import entity_url, project_url
from apps.web.rendering import render
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.teams.models import Entity


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a ledger."""

    opened: OpenProject
    url: str
    runs: RunCount


@dataclass(frozen=True, slots=True)
class Ledger:
    """The projects of one entity."""

    entity: Entity
    url: str
    rows: list[Row]

    @property
    def is_team(self) -> bool:
        return self.entity.user_id is None


@require_safe
def home(request: Request) -> HttpResponseBase:
    """My projects by entity; before the first run, how to log one; before signing in, the way in."""
    if not request.actor.is_signed_in:
        return redirect("account_signup" if no_account_yet() else "account_login")
    with leaving_out_damaged() as damaged:
        ledgers = _ledgers(list(entities_of(request.actor)), my_projects(request.actor))
    if not damaged and not any(ledger.rows for ledger in ledgers):
        return render(request, "home/first_run.html", {"keys": api_keys_of(request.actor).count()})
    context = {"ledgers": ledgers, "totals": _totals(ledgers), "damaged": damaged}
    return render(request, "home/page.html", context)


@require_safe
def first_run(request: Request) -> HttpResponse:
    """Asked by the first-run page every few seconds: nothing, or the word to load the page again."""
    if not my_projects(request.actor):
        return HttpResponse(status=204)
    return HttpResponse(status=204, headers={"HX-Refresh": "true"})


@require_safe
def entity(request: Request, entity: str) -> HttpResponse:
    """The projects of one entity that the asker may see. Nothing to see and no such entity are the same."""
    owner = entity_by_name(entity)
    with leaving_out_damaged() as damaged:
        projects = projects_of(request.actor, owner)
    if not projects and not damaged and owner not in entities_of(request.actor):
        raise NotFound("There is no such entity, or it is not shared with you.")
    context = {"ledger": _ledgers([owner], projects)[0], "damaged": damaged}
    return render(request, "home/entity.html", context)


def _ledgers(entities: list[Entity], projects: list[OpenProject]) -> list[Ledger]:
    counts = count_runs(opened.project for opened in projects)
    rows: dict[int, list[Row]] = {each.pk: [] for each in entities}
    for opened in projects:
        url = project_url(opened.entity, opened.name)
        rows[opened.project.entity_id].append(Row(opened, url, counts.get(opened.project.pk, RunCount())))
    # One's own entity first, then teams; those without projects last.
    ordered = sorted(entities, key=lambda each: (not rows[each.pk], each.user_id is None, each.name))
    return [Ledger(each, entity_url(each.name), rows[each.pk]) for each in ordered]


def _totals(ledgers: list[Ledger]) -> dict[str, int]:
    rows = [row for ledger in ledgers for row in ledger.rows]
    return {
        "projects": len(rows),
        "runs": sum(row.runs.total for row in rows),
        "running": sum(row.runs.running for row in rows),
    }
