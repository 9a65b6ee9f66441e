"""What is done with the people of a team or an organisation. Each view names the place and asks for the right to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.access.policy import Permission
from apps.core.errors import Conflict, Invalid, NotFound, TooMuch
from apps.teams.notices import send_invitation
from apps.teams.queries import Place, left_over_keys
from apps.teams.services import (
    change_role,
    hand_over,
    invite,
    leave,
    remove_member,
    revoke_invitation,
    role_named,
)
from apps.web.links import base_url
from apps.web.places import InviteForm, Named, named, role_words, view_of
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.shown_once import first_time
from apps.web.views.organisations import organisation_facts
from apps.web.views.teams import team_facts

if TYPE_CHECKING:
    from apps.teams.models import Entity


@require_POST
def role(request: Request, person: str, entity: str = "", organisation: str = "") -> HttpResponseBase:
    """Give somebody another role, in place."""
    at, place = _held(request, entity, organisation, Permission.ENTITY_ADMIN)
    try:
        change_role(place, person, role_named(place, request.POST.get("role", "")), by=request.actor)
    except (Conflict, Invalid) as error:
        status = 409 if isinstance(error, Conflict) else 400
        return _people(request, at, place, status=status, wrong=person, reason=error.public_message)
    if not request.htmx:
        return redirect(at.url)
    if person == request.actor.username or (at.is_team and left_over_keys(cast("Entity", place))):
        # With another role the whole page is another; and it says so when somebody may have kept keys.
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return _people(request, at, place, changed=person)


@require_POST
def remove(request: Request, person: str, entity: str = "", organisation: str = "") -> HttpResponseBase:
    """Take somebody out."""
    at, place = _held(request, entity, organisation, Permission.ENTITY_ADMIN)
    try:
        remove_member(place, person, by=request.actor)
    except Conflict as error:
        return _people(request, at, place, status=409, wrong=person, reason=error.public_message)
    return redirect("teams" if person == request.actor.username else at.url)


@require_POST
def hand_over_to(request: Request, entity: str = "", organisation: str = "") -> HttpResponseBase:
    """Make somebody else the admin and oneself a member."""
    at, place = _held(request, entity, organisation, Permission.ENTITY_ADMIN)
    try:
        hand_over(place, to=request.POST.get("to", ""), by=request.actor)
    except (Conflict, Invalid, NotFound) as error:
        return _page(request, at, place, status=400, handing_over=error.public_message)
    return redirect(at.url)


@require_POST
def go(request: Request, entity: str = "", organisation: str = "") -> HttpResponseBase:
    """Leave."""
    at, place = _held(request, entity, organisation, Permission.ENTITY_READ)
    try:
        leave(place, by=request.actor)
    except Conflict as error:
        return _page(request, at, place, status=409, leaving=error.public_message)
    return redirect("teams")


@require_POST
def invite_somebody(request: Request, entity: str = "", organisation: str = "") -> HttpResponseBase:
    """Make an invitation. The answer is the only place where its link ever stands, mailed or not."""
    at, place = _held(request, entity, organisation, Permission.ENTITY_ADMIN)
    form = InviteForm(request.POST, roles=at.roles)
    if not form.is_valid():
        return _page(request, at, place, status=400, invite=form)
    email = form.cleaned_data["email"]
    try:
        with first_time(request):
            made, secret = invite(
                place, role=role_named(place, form.cleaned_data["role"]), by=request.actor, email=email
            )
    except (Invalid, TooMuch) as error:
        form.add_error("email", error.public_message)
        return _page(request, at, place, status=400, invite=form)
    url = base_url(request) + reverse("invitation", args=[secret])
    sent = {"url": url, "email": email, "role": role_words(made.role), "expires_at": made.expires_at}
    if email:
        sent["is_mailed"] = send_invitation(email, team=at.name, url=url)
    return _page(request, at, place, sent=sent)


@require_POST
def revoke(request: Request, public_id: str, entity: str = "", organisation: str = "") -> HttpResponseBase:
    """Withdraw an invitation that nobody has used."""
    at, place = _held(request, entity, organisation, Permission.ENTITY_ADMIN)
    revoke_invitation(place, public_id, by=request.actor)
    return redirect(at.url)


def _held(request: Request, entity: str, organisation: str, permission: Permission) -> tuple[Named, Place]:
    at = named(entity, organisation)
    return at, at.held(request.actor, permission)


def _people(
    request: Request,
    at: Named,
    place: Place,
    *,
    status: int = 200,
    wrong: str = "",
    reason: str = "",
    changed: str = "",
) -> HttpResponse:
    """The list of people, after one of them was to change: the part for htmx, otherwise the page around it."""
    if request.htmx:
        view = view_of(request.actor, place, at)
        context = {"view": view, "wrong": wrong, "reason": reason, "changed": changed}
        # htmx puts in place what comes with 200 only, and what was refused is said in the part.
        return render(request, "people/_people.html", context)
    return _page(request, at, place, status=status, wrong=wrong, reason=reason)


def _page(request: Request, at: Named, place: Place, *, status: int = 200, **more: Any) -> HttpResponse:
    facts = team_facts if at.is_team else organisation_facts
    return render(request, "people/page.html", facts(request, place, at) | more, status=status)
