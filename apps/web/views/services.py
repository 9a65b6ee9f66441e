"""A team's own accounts for scripts: everybody in the team sees which there are, its admins make, key and remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.access.policy import Permission, Scope
from apps.accounts.queries import user_of
from apps.core.errors import Invalid
from apps.teams.gate import may
from apps.teams.queries import (
    get_service_account,
    get_team,
    keys_with_makers,
    service_accounts_in,
)
from apps.teams.services import (
    change_service_role,
    make_service_account,
    make_service_key,
    remove_service_account,
    revoke_left_over_keys,
    revoke_service_key,
    role_named,
)
from apps.teams.types import MemberRole
from apps.web.again import require_fresh_proof
from apps.web.key_forms import KeyForm, scopes_of
from apps.web.places import Named, ServiceForm
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.shown_once import first_time

if TYPE_CHECKING:
    from apps.teams.models import Entity, ServiceAccount
    from apps.teams.queries.service_accounts import Service


@require_http_methods(["GET", "HEAD", "POST"])
def services(request: Request, entity: str) -> HttpResponseBase:
    """The services of a team. POST makes one."""
    making = request.method == "POST"
    team = get_team(request.actor, Permission.ENTITY_ADMIN if making else Permission.ENTITY_READ, name=entity)
    form = ServiceForm(request.POST if making else None)
    try:
        if form.is_valid():
            role = MemberRole(form.cleaned_data["role"])
            made = make_service_account(team, form.cleaned_data["name"], role=role, by=request.actor)
            return redirect("team-service", team.name, made.public_id)
    except Invalid as error:
        form.add_error("name", error.public_message)
    context = {
        "team": team.name,
        "services": service_accounts_in(team),
        "is_admin": may(request.actor, Permission.ENTITY_ADMIN, entity=team),
        "form": form,
    }
    return render(request, "people/services.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def service(request: Request, entity: str, public_id: str) -> HttpResponse:
    """One service with its keys. POST makes a key, and its answer is the only place where the secret ever stands."""
    team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
    account = get_service_account(team, public_id)
    scopes = scopes_of(_shown(team, account).role)
    form, secret = KeyForm(request.POST if request.method == "POST" else None, scopes=scopes), ""
    reads = scopes == [Scope.READ]
    try:
        if form.is_valid():
            require_fresh_proof(request, user_of(request.actor))
            with first_time(request):
                key, secret = make_service_key(team, public_id, form.wanted(), by=request.actor)
            reads = reads or key.scope == Scope.READ.value
            form = KeyForm(scopes=scopes)
    except Invalid as error:
        form.add_error("name", error.public_message)
    return _page(request, team, account, form, status=400 if form.errors else 200, secret=secret, reads=reads)


def _shown(team: Entity, account: ServiceAccount) -> Service:
    return next(each for each in service_accounts_in(team) if each.public_id == account.public_id)


def _page(
    request: Request,
    team: Entity,
    account: ServiceAccount,
    form: KeyForm,
    *,
    status: int = 200,
    **more: object,
) -> HttpResponse:
    keys = keys_with_makers(request.actor, account)
    context: dict[str, Any] = {
        "team": team.name,
        "roles": Named(True, team.name).roles,
        "service": _shown(team, account),
        "keys": keys,
        "left_over": any(key.is_left_over for key in keys),
        "good": sum(not key.is_expired for key in keys),
        "form": form,
    }
    return render(request, "people/service.html", context | more, status=status)


@require_POST
def role(request: Request, entity: str, public_id: str) -> HttpResponseBase:
    """Let a service do more or less in its team."""
    team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
    account = get_service_account(team, public_id)
    try:
        wanted = MemberRole(role_named(team, request.POST.get("role", "")))
        change_service_role(team, account.public_id, wanted, by=request.actor)
    except Invalid as error:
        form = KeyForm(scopes=scopes_of(_shown(team, account).role))
        return _page(request, team, account, form, status=400, wrong_role=error.public_message)
    return redirect("team-service", team.name, account.public_id)


@require_POST
def remove(request: Request, entity: str, public_id: str) -> HttpResponseBase:
    team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
    remove_service_account(team, public_id, by=request.actor)
    return redirect("team-services", team.name)


@require_POST
def revoke(request: Request, entity: str, public_id: str, key: str) -> HttpResponseBase:
    team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
    revoke_service_key(team, public_id, key, by=request.actor)
    return redirect("team-service", team.name, public_id)


@require_POST
def revoke_left_over(request: Request, entity: str) -> HttpResponseBase:
    """One button for all keys that people made who are no admins any more."""
    team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
    revoke_left_over_keys(team, by=request.actor)
    return redirect("team", team.name)
