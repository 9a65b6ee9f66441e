from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from apps.wandb_protocol.errors import answer
from apps.wandb_protocol.signing import base_url

_ASKED = "/graphql"
_BYTES = "/storage/"
_NO_PATH = (
    "There is no Ownlog at this address. WANDB_BASE_URL must be the address of the instance alone, "
    "without a path behind it: https://ownlog.example.org, not https://ownlog.example.org/name."
)


class BaseUrlWithoutPath:
    """Tells a client whose base URL has a path what is wrong, and has it give up.

    `/name/graphql` is the page of a project to everybody else, so no route can say this; and what a page answers to a
    POST (405) the client repeats for minutes without a word.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        path = request.path_info
        if request.method == "POST" and path.endswith(_ASKED) and path != _ASKED:
            return answer(404, _NO_PATH, code="not_found")
        return self.get_response(request)


class OwnOriginMayRead:
    """Says to the instance's own origin, and to no other, that its pages may read bytes: `wandb verify` asks whether one says so.

    A browser never asks about its own origin, so nobody may do more by it than without.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answered = self.get_response(request)
        origin = request.headers.get("Origin", "")
        if origin and request.path_info.startswith(_BYTES) and origin == base_url(request):
            answered["Access-Control-Allow-Origin"] = origin
            patch_vary_headers(answered, ["Origin"])
        return answered
