from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.access.policy import Permission
from apps.artifacts.queries import registries_of
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.teams.queries import Place, get_organisation, get_team, teams_in
from apps.teams.queries import my_teams as teams_of_mine
from apps.teams.services import add_team, create_organisation, let_team_go, may_create_team
from apps.web.organisation_settings import rows, save
from apps.web.places import InviteForm, Named, NameForm, view_of
from apps.web.rendering import render
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.teams.models import Organisation


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_organisation(request: Request) -> HttpResponseBase:
    """A form for an organisation whose admin is the asker."""
    form = NameForm(request.POST or None)
    try:
        if request.method == "POST" and form.is_valid():
            made = create_organisation(form.cleaned_data["name"], by=request.actor)
            return redirect("organisation", made.name)
    except (Conflict, Invalid) as error:
        form.add_error("name", error.public_message)
    context = {"form": form, "may_create": may_create_team(request.actor)}
    return render(request, "people/new_organisation.html", context, status=400 if form.errors else 200)


@require_safe
def organisation(request: Request, organisation: str) -> HttpResponse:
    """Who and which teams are in an organisation, and what it says to them."""
    held = get_organisation(request.actor, Permission.ENTITY_READ, name=organisation)
    return _page(request, held)


@require_POST
def settings(request: Request, organisation: str) -> HttpResponseBase:
    """Say one thing to the teams, or take it back."""
    held = get_organisation(request.actor, Permission.ENTITY_ADMIN, name=organisation)
    try:
        asking = save(held, request.POST.dict(), by=request.actor)
    except Invalid as error:
        wrong = {"name": request.POST.get("name", ""), "value": request.POST.get("value", "")[:100]}
        return _page(request, held, status=400, wrong_setting=wrong | {"reason": error.public_message})
    if asking is not None:
        return _page(request, held, status=400 if asking.wrong else 200, asking=asking)
    return redirect(f"{Named(False, held.name).url}#settings")


@require_POST
def add(request: Request, organisation: str) -> HttpResponseBase:
    """Put one of the asker's teams under the organisation."""
    held = get_organisation(request.actor, Permission.ENTITY_ADMIN, name=organisation)
    try:
        team = get_team(request.actor, Permission.ENTITY_ADMIN, name=request.POST.get("team", ""))
        add_team(held, team, by=request.actor)
    except (Conflict, NotFound, Forbidden) as error:
        return _page(request, held, status=400, adding=error.public_message)
    return redirect("organisation", held.name)


@require_POST
def let_go(request: Request, organisation: str, entity: str) -> HttpResponseBase:
    """Take a team out of the organisation."""
    held = get_organisation(request.actor, Permission.ENTITY_ADMIN, name=organisation)
    let_team_go(held, entity, by=request.actor)
    return redirect("organisation", held.name)


def organisation_facts(request: Request, place: Place, at: Named) -> dict[str, Any]:
    """What the page of an organisation is made of."""
    held = cast("Organisation", place)
    mine = teams_of_mine(request.actor)
    return {
        "view": view_of(request.actor, place, at),
        "invite": InviteForm(roles=at.roles, initial={"role": "member"}),
        "has_registries": bool(registries_of(request.actor, held)),
        "teams": teams_in(held),
        "mine": {team.name for team in mine},
        "addable": [team.name for team in mine if team.role == "admin" and not team.organisation],
        "settings": rows(held, actor=request.actor),
    }


def _page(request: Request, held: Organisation, *, status: int = 200, **more: Any) -> HttpResponse:
    facts = organisation_facts(request, held, Named(False, held.name))
    return render(request, "people/page.html", facts | more, status=status)
