from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.queries import user_of
from apps.core.errors import Conflict, NotFound
from apps.teams.queries import Place, is_team, joined_by, place_of, usable_invitation
from apps.teams.services import accept_invitation
from apps.web.links import with_query
from apps.web.places import Named, role_words
from apps.web.rendering import render
from apps.web.request import Request


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: Request, token: str) -> HttpResponseBase:
    """What somebody is invited to, the way there without an account, and the button that joins."""
    if request.method == "POST" and request.actor.is_signed_in:
        return _accept(request, token)
    joined = joined_by(request.actor, token)
    return redirect(_named(joined).url) if joined else _page(request, token)


def _accept(request: Request, token: str) -> HttpResponseBase:
    try:
        return redirect(_named(accept_invitation(token, by=request.actor)).url)
    except Conflict as error:
        return _page(request, token, reason=error.public_message, status=409)
    except NotFound:
        return _page(request, token)


def _page(request: Request, token: str, *, reason: str = "", status: int = 200) -> HttpResponse:
    """One page for every secret that opens nothing, whatever became of it."""
    try:
        found = usable_invitation(token)
    except NotFound:
        return render(request, "people/spent.html", {}, status=404)
    here = reverse("invitation", args=[token])
    context = {
        "named": _named(place_of(found)),
        "role": role_words(found.role),
        "expires_at": found.expires_at,
        "token": token,
        "reason": reason,
        "address": user_of(request.actor).email if request.actor.is_signed_in else "",
        "sign_in": with_query(reverse("account_login"), {"next": here}),
        "sign_up_here": with_query(reverse("account_signup"), {"invitation": token, "next": here}),
        "may_sign_up": settings.OWNLOG_SIGN_UP != "closed",
    }
    return render(request, "people/invitation.html", context, status=status)


def _named(place: Place) -> Named:
    return Named(is_team(place), place.name)
