from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access.policy import Scope
from apps.accounts.services import require_all_rights, revoke_api_key
from apps.api.describe import IDEMPOTENCY_KEY, PROOF, answers, writes
from apps.api.paging import next_cursor, place_of
from apps.api.replays import Done, once
from apps.api.request import ApiRequest
from apps.api.serializers.fields import PageQuery
from apps.api.serializers.keys import KeyMade, KeyNew, KeyOut, KeyPage
from apps.api.views.base import ApiView, asked, require_proof, sent, signed_in
from apps.core.errors import NotFound
from apps.teams.queries import Key, keys_of
from apps.teams.services import KeyWanted, make_key


class KeyListView(ApiView):
    @extend_schema(
        operation_id="list_keys",
        summary="Your own API keys that are not revoked, the newest first",
        tags=["keys"],
        parameters=[PageQuery],
        responses=answers({200: KeyPage}),
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        return paged(request, keys_of(signed_in(request)), KeyOut)

    @extend_schema(
        operation_id="create_key",
        summary="Make an API key of your own, with a key of the scope admin that is good for everything",
        description="By a key that expires one makes none that expires later: `expires_at` is then no later than its own. "
        + PROOF,
        tags=["keys"],
        parameters=[IDEMPOTENCY_KEY],
        request=KeyNew,
        responses=writes({201: KeyMade}, 422),
    )
    def post(self, request: ApiRequest) -> HttpResponseBase:
        actor = signed_in(request)
        # Also of what was made before: another key of the person, which was given less, may bring the same words.
        require_all_rights(actor)
        require_proof(request)
        wanted = wanted_key(sent(request, KeyNew).validated_data)
        secrets: list[str] = []

        def create() -> Done:
            key, secret = make_key(actor, wanted)
            secrets.append(secret)
            return Done(201, key.public_id)

        return made(once(request, create), keys_of(actor), secrets)


class KeyRevokeView(ApiView):
    @extend_schema(
        operation_id="revoke_key",
        summary="End one of your own keys: the next request that brings it is refused. Twice is allowed",
        tags=["keys"],
        request=None,
        responses=writes({204: None}),
    )
    def post(self, request: ApiRequest, key: str) -> HttpResponseBase:
        revoke_api_key(signed_in(request), key)
        return HttpResponse(status=204)


def wanted_key(new: dict[str, Any]) -> KeyWanted:
    return KeyWanted(
        name=new["name"],
        scope=Scope(new["scope"]),
        only=new.get("entity", ""),
        expires_at=new["expires_at"],
    )


class Rows(Protocol):
    """A list, or what becomes one where it is looked at."""

    def __len__(self) -> int: ...
    def __getitem__(self, at: slice, /) -> Sequence[Any]: ...


def paged(request: ApiRequest, rows: Rows, kind: type[Any]) -> Response:
    query = asked(request, PageQuery)
    start = place_of(query["cursor"])
    shown = rows[start : start + query["limit"]]
    following = next_cursor(start, query["limit"], len(rows))
    return Response({"items": kind(shown, many=True).data, "total": len(rows), "next": following})


def made(done: Done, keys: Sequence[Key], secrets: Sequence[str]) -> Response:
    """The key with its secret, where this request is the one that made it."""
    key = next((each for each in keys if each.public_id == done.subject), None)
    if key is None:
        raise NotFound("There is no such API key.")
    context = {"secret": next(iter(secrets), "")}
    return Response(KeyMade(key, context=context).data, status=done.status)
