from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.accounts.queries import api_keys_of, no_account_yet
from apps.artifacts.queries import may_make_registries
from apps.core.errors import NotFound
from apps.projects.queries import my_projects, projects_of, readable_projects
from apps.teams.queries import entities_of, entity_by_name
from apps.teams.types import EntityKind
from apps.vault.damage import leaving_out_damaged
from apps.web.lately import going, lately
from apps.web.ledgers import keeping, ledgers
from apps.web.links import project_url
from apps.web.profile import where_may_log
from apps.web.registries import shelves
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.sparks import HEIGHT, MOST_AT_ONCE, WIDTH, sparks
from apps.web.words import Words


@require_safe
def home(request: Request) -> HttpResponseBase:
    """My projects by entity; before the first run, how to log one; before signing in, the way in."""
    if not request.actor.is_signed_in:
        return redirect("account_signup" if no_account_yet() else "account_login")
    entities, words = list(entities_of(request.actor)), Words(request.GET.get("q", ""))
    with leaving_out_damaged() as damaged:
        projects = my_projects(request.actor)
    keys = list(api_keys_of(request.actor))
    if not projects and not damaged:
        logs_to = where_may_log(request.actor)
        teams = [each.name for each in logs_to if each.kind == EntityKind.TEAM]
        context = {"keys": len(keys), "teams": teams, "going": going(request.actor)}
        return render(request, "home/first_run.html", context)
    everything = ledgers(entities, projects)
    found = [ledger.about(words) for ledger in everything]
    context = {
        "ledgers": [ledger for ledger in found if ledger.rows or not words],
        "words": words,
        "keeping": keeping(everything, own=next(each for each in entities if each.user_id is not None)),
        "lately": lately(request.actor),
        "keys": keys,
        "last_key_use": max((key.last_used_at for key in keys if key.last_used_at), default=None),
        "damaged": damaged,
        "at_once": MOST_AT_ONCE,
    }
    return render(request, "home/page.html", context)


@login_required
@require_safe
def spark_lines(request: Request) -> HttpResponse:
    """The tiny charts of some projects, for the rows that are in sight."""
    with leaving_out_damaged():
        held = readable_projects(request.actor, request.GET.getlist("project")[:MOST_AT_ONCE])
        drawn = list(sparks(held))
    return render(request, "home/_sparks.html", {"sparks": drawn, "width": WIDTH, "height": HEIGHT})


@require_safe
def first_run(request: Request) -> HttpResponse:
    """Asked every few seconds by pages that wait for a first run: nothing, or what to do now that it is here.

    A page whose key would go when it is loaded again (`stay`) is given a line with the way to the run's project.
    """
    entity = request.GET.get("entity", "")
    with leaving_out_damaged() as damaged:
        projects = [each for each in my_projects(request.actor) if entity in ("", each.entity)]
    if not projects and not damaged:
        return HttpResponse(status=204)
    if not projects or "stay" not in request.GET:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    newest = projects[0]
    context = {"opened": newest, "url": project_url(newest.entity, newest.name)}
    return render(request, "home/_arrived.html", context)


@require_safe
def entity(request: Request, entity: str) -> HttpResponse:
    """The projects of one entity, or the registries of an organisation, that the asker may see. Nothing to see and no such entity are the same."""
    owner, words = entity_by_name(entity), Words(request.GET.get("q", ""))
    with leaving_out_damaged() as damaged:
        projects = projects_of(request.actor, owner)
    is_mine = owner in entities_of(request.actor)
    if projects and owner.kind == EntityKind.ORGANISATION:
        with leaving_out_damaged() as inside:
            found = shelves(request.actor, projects)
        context = {
            "organisation": owner.name,
            "shelves": found,
            "damaged": [*damaged, *inside],
            "may_make": may_make_registries(request.actor, owner.of_organisation),
        }
        return render(request, "registries/list.html", context)
    if not projects and not damaged and not is_mine:
        raise NotFound("There is no such entity, or it is not shared with you.")
    is_empty = not projects and not damaged
    context = {
        "ledger": ledgers([owner], projects)[0].about(words),
        "words": words,
        "is_empty": is_empty,
        "is_mine": is_mine,
        "may_log": is_empty and owner in where_may_log(request.actor),
        "damaged": damaged,
        "at_once": MOST_AT_ONCE,
    }
    return render(request, "home/entity.html", context)
