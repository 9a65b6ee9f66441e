"""What every view of this door does the same way."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from apps.accounts.actors import Actor
from apps.accounts.proof import was_proven_lately
from apps.accounts.queries import user_of
from apps.api.errors import LengthNeeded, ProofNeeded, Unauthorized
from apps.api.request import ApiRequest

S = TypeVar("S", bound=BaseSerializer[Any])


class ApiView(APIView):
    def perform_authentication(self, request: Request) -> None:
        asker = request.user
        request.actor = asker if isinstance(asker, Actor) else Actor.nobody()  # type: ignore[attr-defined]
        if request.headers.get("Transfer-Encoding") and not request.headers.get("Content-Length"):
            # Django would take a body of unknown length for an empty one.
            raise LengthNeeded("Send the length of the body (Content-Length).")

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> Any:
        answer = super().finalize_response(request, cast("Response", response), *args, **kwargs)
        rate = getattr(request, "rate", None)
        for name, value in rate.headers.items() if rate is not None else ():
            answer[name] = value
        return answer


def asked(request: ApiRequest, serializer: type[S]) -> dict[str, Any]:
    """What the address asks for, checked."""
    query = serializer(data=request.query_params)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


def sent(request: ApiRequest, serializer: type[S]) -> S:
    """What the body says, checked."""
    found = serializer(data=request.data)
    found.is_valid(raise_exception=True)
    return found


def signed_in(request: ApiRequest) -> Actor:
    if not request.actor.is_signed_in:
        raise Unauthorized("Sign in, or send an API key.")
    return request.actor


def require_proof(request: ApiRequest) -> None:
    """Pass for an API key, and for a browser in which somebody showed within the last minutes who they are."""
    actor = request.actor
    if not actor.api_key and not was_proven_lately(request._request, user_of(actor)):
        raise ProofNeeded


def not_modified(tag: str) -> HttpResponse:
    answer = HttpResponse(status=304)
    answer["ETag"] = tag
    return answer
