from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.vault.keys import keys_in_use


class KeysInUse:
    """Keys opened for a request are remembered until it is answered, and no longer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with keys_in_use():
            return self.get_response(request)
