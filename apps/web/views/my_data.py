"""What is held of somebody, of a team and of an organisation, in numbers."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.teams.queries import get_organisation, get_team, own_entity
from apps.web.my_data import whole_of, whole_of_organisation
from apps.web.rendering import render
from apps.web.request import Request


@login_required
@require_safe
def mine(request: Request) -> HttpResponse:
    """The asker's own data, with the way to each team's that they administer."""
    return render(
        request, "settings/my_data.html", {"whole": whole_of(request.actor, own_entity(request.actor))}
    )


@require_safe
def of_team(request: Request, entity: str) -> HttpResponse:
    """A team's, for its admins."""
    team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
    return render(
        request, "settings/my_data.html", {"whole": whole_of(request.actor, team), "team": team.name}
    )


@require_safe
def of_organisation(request: Request, organisation: str) -> HttpResponse:
    """An organisation's, for its admins."""
    held = get_organisation(request.actor, Permission.ENTITY_ADMIN, name=organisation)
    whole = whole_of_organisation(held)
    return render(request, "settings/my_data.html", {"whole": whole, "organisation": held.name})
