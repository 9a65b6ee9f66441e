"""Erasing teams and organisations."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema

from apps.access.policy import Permission
from apps.accounts.names import as_stored
from apps.api.describe import writes
from apps.api.request import ApiRequest
from apps.api.serializers.erasures import ErasureOut, TypedName
from apps.api.views.base import ApiView, asked
from apps.api.views.erasures import begun
from apps.core.errors import Invalid
from apps.erasure.organisations import erase_organisation
from apps.erasure.teams import erase_team
from apps.teams.queries import get_organisation, get_team


class TeamView(ApiView):
    @extend_schema(
        operation_id="erase_team",
        summary="Erase a team for good, with its projects, people, keys and settings: closed for everybody at once",
        tags=["teams"],
        parameters=[TypedName],
        request=None,
        responses=writes({202: ErasureOut}),
    )
    def delete(self, request: ApiRequest, entity: str) -> HttpResponseBase:
        held = get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)
        _require_name(request, held.name)
        return begun(erase_team(held, by=request.actor))


class OrganisationView(ApiView):
    @extend_schema(
        operation_id="erase_organisation",
        summary="Erase an organisation for good, with its registries; its teams stay, with their projects",
        tags=["teams"],
        parameters=[TypedName],
        request=None,
        responses=writes({202: ErasureOut}),
    )
    def delete(self, request: ApiRequest, organisation: str) -> HttpResponseBase:
        held = get_organisation(request.actor, Permission.ENTITY_ADMIN, name=organisation)
        _require_name(request, held.name)
        return begun(erase_organisation(held, by=request.actor))


def _require_name(request: ApiRequest, name: str) -> None:
    """Said once more, as it is typed on the page: an address that a script put together wrongly erases nothing."""
    if as_stored(asked(request, TypedName)["name"]) != name:
        raise Invalid("`name` is not the name that stands in the address.")
