from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.queries import api_keys_of, user_of
from apps.accounts.services import issue_api_key, revoke_api_key
from apps.web.rendering import render
from apps.web.request import Request


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def api_keys(request: Request) -> HttpResponse:
    """The asker's keys. POST makes one, and its answer is the only place where the secret ever stands."""
    secret = ""
    if request.method == "POST":
        _key, secret = issue_api_key(user_of(request.actor), by=request.actor)
    return render(request, "settings/api_keys.html", {"keys": api_keys_of(request.actor), "secret": secret})


@login_required
@require_POST
def revoke(request: Request, public_id: str) -> HttpResponseBase:
    revoke_api_key(request.actor, public_id)
    return redirect("api-keys")


@require_safe
def authorize(request: Request) -> HttpResponseBase:
    """Where `wandb login` sends people for their key."""
    return redirect("api-keys")
