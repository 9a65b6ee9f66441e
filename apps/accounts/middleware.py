from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from apps.accounts.actors import Actor


class RequestActor:
    """`request.actor` is who the browser's session says; doors that speak with keys set their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: _session_actor(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def _session_actor(request: HttpRequest) -> Actor:
    user = request.user
    return Actor.person(user) if user.is_authenticated and user.is_active else Actor.nobody()
