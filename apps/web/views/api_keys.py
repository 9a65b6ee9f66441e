from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.access.policy import Scope
from apps.accounts.queries import user_of
from apps.accounts.services import revoke_api_key
from apps.core.errors import Invalid
from apps.projects.queries import has_projects
from apps.teams.queries import entities_of, keys_of, teams_of
from apps.teams.services import make_key
from apps.web.again import require_fresh_proof
from apps.web.key_forms import KeyForm
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.shown_once import first_time


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def api_keys(request: Request) -> HttpResponse:
    """The asker's keys. POST makes one, and its answer is the only place where the secret ever stands."""
    entities = [each.name for each in entities_of(request.actor)]
    form = KeyForm(request.POST if request.method == "POST" else None, entities=entities)
    secret = entity = ""
    reads = False
    if form.is_valid():
        require_fresh_proof(request, user_of(request.actor))
        wanted = form.wanted()
        reads = wanted.scope is Scope.READ
        # A key that is good for one entity logs there or nowhere.
        entity = wanted.only or _own_team(request)
        secret, form = _made(request, form)
    keys = keys_of(request.actor)
    context = {
        "form": form,
        "keys": keys,
        "good": sum(not key.is_expired for key in keys),
        "secret": secret,
        "entity": entity,
        "reads": reads,
        # Whoever makes a key to log with where there is no project yet waits for one.
        "is_waiting": bool(secret) and not reads and not has_projects(request.actor, entity=entity),
    }
    return render(request, "settings/api_keys.html", context, status=400 if form.errors else 200)


def _made(request: Request, form: KeyForm) -> tuple[str, KeyForm]:
    """The secret of a new key and an empty form; none, and what was wrong with it, when it could not be made."""
    try:
        with first_time(request):
            _key, secret = make_key(request.actor, form.wanted())
    except Invalid as error:
        form.add_error("name", error.public_message)
        return "", form
    return secret, KeyForm(entities=[each.name for each in entities_of(request.actor)])


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
