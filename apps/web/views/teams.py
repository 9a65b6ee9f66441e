from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from apps.access.policy import Permission
from apps.core.errors import Conflict, Invalid
from apps.teams.queries import (
    Place,
    count_service_accounts,
    get_team,
    left_over_keys,
    my_organisations,
    my_teams,
)
from apps.teams.services import found_team, may_create_team
from apps.web.places import InviteForm, Named, NameForm, view_of
from apps.web.rendering import render
from apps.web.request import Request

if TYPE_CHECKING:
    from apps.teams.models import Entity


@login_required
@require_safe
def teams(request: Request) -> HttpResponse:
    """The asker's teams and organisations, and what they are there."""
    context = {
        "teams": my_teams(request.actor),
        "organisations": my_organisations(request.actor),
        "may_create": may_create_team(request.actor),
    }
    return render(request, "people/mine.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_team(request: Request) -> HttpResponseBase:
    """A form for a team whose admin is the asker."""
    form = NameForm(request.POST or None)
    try:
        if request.method == "POST" and form.is_valid():
            return redirect("team", found_team(form.cleaned_data["name"], by=request.actor).name)
    except (Conflict, Invalid) as error:
        form.add_error("name", error.public_message)
    context = {"form": form, "may_create": may_create_team(request.actor)}
    return render(request, "people/new_team.html", context, status=400 if form.errors else 200)


@require_safe
def team(request: Request, entity: str) -> HttpResponse:
    """Who is in a team. Its admins change it here."""
    held = get_team(request.actor, Permission.ENTITY_READ, name=entity)
    return render(request, "people/page.html", team_facts(request, held, Named(True, held.name)))


def team_facts(request: Request, place: Place, at: Named) -> dict[str, Any]:
    """What the page of a team is made of."""
    organisation = cast("Entity", place).organisation
    view = view_of(request.actor, place, at)
    return {
        "view": view,
        "left_over": len(left_over_keys(cast("Entity", place))) if view.is_admin else 0,
        "invite": InviteForm(roles=at.roles, initial={"role": "member"}),
        "services": count_service_accounts(cast("Entity", place)),
        "above": organisation.name if organisation else "",
    }
