from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.queries import api_keys_of, user_of
from apps.accounts.services import issue_api_key, revoke_api_key
from apps.projects.queries import has_projects
from apps.teams.queries import teams_of
from apps.web.rendering import render
from apps.web.request import Request


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def api_keys(request: Request) -> HttpResponse:
    """The asker's keys. POST makes one, and its answer is the only place where the secret ever stands."""
    secret = entity = ""
    if request.method == "POST":
        entity = _own_team(request)
        _key, secret = issue_api_key(user_of(request.actor), by=request.actor)
    context = {
        "keys": api_keys_of(request.actor),
        "secret": secret,
        "entity": entity,
        # Whoever makes a key where there is no project yet waits for one.
        "is_waiting": bool(secret) and not has_projects(request.actor, entity=entity),
    }
    return render(request, "settings/api_keys.html", context)


def _own_team(request: Request) -> str:
    """The team whose empty page the key is made on: the lines log there."""
    asked = request.POST.get("entity", "")
    return next((team.name for team in teams_of(request.actor) if team.name == asked), "")


@login_required
@require_POST
def revoke(request: Request, public_id: str) -> HttpResponseBase:
    revoke_api_key(request.actor, public_id)
    return redirect("api-keys")


@require_safe
def authorize(request: Request) -> HttpResponseBase:
    """Where `wandb login` sends people for their key."""
    return redirect("api-keys")
