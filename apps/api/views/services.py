from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access.policy import Permission
from apps.api.describe import IDEMPOTENCY_KEY, PROOF, answers, writes
from apps.api.replays import Done, once
from apps.api.request import ApiRequest
from apps.api.serializers.fields import PageQuery
from apps.api.serializers.keys import (
    KeyMade,
    KeyOut,
    KeyPage,
    ServiceKeyNew,
    ServiceNew,
    ServiceOut,
    ServicePage,
)
from apps.api.views.base import ApiView, require_proof, sent
from apps.api.views.keys import made, paged, wanted_key
from apps.core.errors import NotFound
from apps.teams.queries import (
    get_service_account,
    get_team,
    keys_of_service_account,
    service_accounts_in,
)
from apps.teams.services import (
    make_service_account,
    make_service_key,
    remove_service_account,
    revoke_service_key,
)
from apps.teams.types import MemberRole


class ServiceListView(ApiView):
    @extend_schema(
        operation_id="list_service_accounts",
        summary="A team’s own accounts for scripts, the oldest first, for who is in the team",
        tags=["service accounts"],
        parameters=[PageQuery],
        responses=answers({200: ServicePage}),
    )
    def get(self, request: ApiRequest, entity: str) -> HttpResponseBase:
        team = get_team(request.actor, Permission.ENTITY_READ, name=entity)
        return paged(request, service_accounts_in(team), ServiceOut)

    @extend_schema(
        operation_id="create_service_account",
        summary="Make a service account, for admins of the team by a key that is good for everything",
        tags=["service accounts"],
        parameters=[IDEMPOTENCY_KEY],
        request=ServiceNew,
        responses=writes({201: ServiceOut}, 422),
    )
    def post(self, request: ApiRequest, entity: str) -> HttpResponseBase:
        team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
        new = sent(request, ServiceNew).validated_data

        def create() -> Done:
            account = make_service_account(team, new["name"], role=MemberRole(new["role"]), by=request.actor)
            return Done(201, account.public_id)

        done = once(request, create)
        found = next((each for each in service_accounts_in(team) if each.public_id == done.subject), None)
        if found is None:
            raise NotFound("There is no such service account.")
        return Response(ServiceOut(found).data, status=done.status)


class ServiceRemoveView(ApiView):
    @extend_schema(
        operation_id="remove_service_account",
        summary="End a service account and its keys at the next request. What it logged stays under its name",
        tags=["service accounts"],
        request=None,
        responses=writes({204: None}),
    )
    def post(self, request: ApiRequest, entity: str, account: str) -> HttpResponseBase:
        team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
        remove_service_account(team, account, by=request.actor)
        return HttpResponse(status=204)


class ServiceKeyListView(ApiView):
    @extend_schema(
        operation_id="list_service_account_keys",
        summary="The keys of a service account that are not revoked, the newest first, for admins of its team",
        tags=["service accounts"],
        parameters=[PageQuery],
        responses=answers({200: KeyPage}, 403),
    )
    def get(self, request: ApiRequest, entity: str, account: str) -> HttpResponseBase:
        team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
        return paged(request, keys_of_service_account(get_service_account(team, account)), KeyOut)

    @extend_schema(
        operation_id="create_service_account_key",
        summary="Make a key of a service account, good for its team alone",
        description=PROOF,
        tags=["service accounts"],
        parameters=[IDEMPOTENCY_KEY],
        request=ServiceKeyNew,
        responses=writes({201: KeyMade}, 422),
    )
    def post(self, request: ApiRequest, entity: str, account: str) -> HttpResponseBase:
        team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
        require_proof(request)
        held = get_service_account(team, account)
        wanted = wanted_key(sent(request, ServiceKeyNew).validated_data)
        secrets: list[str] = []

        def create() -> Done:
            key, secret = make_service_key(team, account, wanted, by=request.actor)
            secrets.append(secret)
            return Done(201, key.public_id)

        return made(once(request, create), keys_of_service_account(held), secrets)


class ServiceKeyRevokeView(ApiView):
    @extend_schema(
        operation_id="revoke_service_account_key",
        summary="End a key of a service account: the next request that brings it is refused",
        tags=["service accounts"],
        request=None,
        responses=writes({204: None}),
    )
    def post(self, request: ApiRequest, entity: str, account: str, key: str) -> HttpResponseBase:
        team = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
        revoke_service_key(team, account, key, by=request.actor)
        return HttpResponse(status=204)
