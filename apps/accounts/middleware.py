from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from apps.accounts.actors import Actor

# What a session holds of share links: their public ids, which open nothing by themselves.
SHARES = "shares"


class RequestActor:
    """`request.actor` is who the browser's session says; doors that speak with keys set their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: _session_actor(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def _session_actor(request: HttpRequest) -> Actor:
    user, shares = request.user, frozenset(request.session.get(SHARES, ()))
    if user.is_authenticated and user.is_active and not user.is_service:
        return Actor.person(user, shares=shares)
    return Actor.nobody(shares=shares)
