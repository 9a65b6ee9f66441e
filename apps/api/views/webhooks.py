"""Webhooks of a project, and of a whole entity: the same four addresses below either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.response import Response

from apps.access.policy import Permission
from apps.api.describe import IDEMPOTENCY_KEY, answers, writes
from apps.api.replays import Done, once
from apps.api.request import ApiRequest
from apps.api.serializers.fields import PageQuery
from apps.api.serializers.webhooks import (
    DeliveryOut,
    DeliveryPage,
    HookChange,
    HookMade,
    HookNew,
    HookOut,
    HookPage,
)
from apps.api.views.base import ApiView, sent
from apps.api.views.keys import paged
from apps.projects.queries import get_project
from apps.teams.queries import get_entity
from apps.webhooks.queries import deliveries_of, get_hook, hooks_of, open_hook
from apps.webhooks.services import make_hook, remove_hook, send_test, switch_hook
from apps.webhooks.types import Happening

if TYPE_CHECKING:
    from apps.webhooks.queries import Owner

_TAGS = ["webhooks"]


def _owner(request: ApiRequest, entity: str, project: str | None) -> Owner:
    if project is None:
        return get_entity(request.actor, Permission.ENTITY_ADMIN, name=entity)
    return get_project(request.actor, Permission.PROJECT_ADMIN, entity=entity, name=project)


class _ListView(ApiView):
    def get(self, request: ApiRequest, entity: str, project: str | None = None) -> HttpResponseBase:
        return paged(request, hooks_of(_owner(request, entity, project)), HookOut)

    def post(self, request: ApiRequest, entity: str, project: str | None = None) -> HttpResponseBase:
        owner = _owner(request, entity, project)
        new = sent(request, HookNew).validated_data
        secrets: list[str] = []

        def create() -> Done:
            events = [Happening(each) for each in new["events"]]
            hook, secret = make_hook(owner, new["address"], happenings=events, by=request.actor)
            secrets.append(secret)
            return Done(201, hook.public_id)

        done = once(request, create)
        opened = open_hook(get_hook(owner, done.subject))
        context = {"secret": next(iter(secrets), "")}
        return Response(HookMade(opened, context=context).data, status=done.status)


class _HookView(ApiView):
    def get(
        self, request: ApiRequest, entity: str, hook: str, project: str | None = None
    ) -> HttpResponseBase:
        return Response(HookOut(open_hook(get_hook(_owner(request, entity, project), hook))).data)

    def patch(
        self, request: ApiRequest, entity: str, hook: str, project: str | None = None
    ) -> HttpResponseBase:
        held = get_hook(_owner(request, entity, project), hook)
        switch_hook(held, on=sent(request, HookChange).validated_data["is_on"], by=request.actor)
        held.refresh_from_db()
        return Response(HookOut(open_hook(held)).data)

    def delete(
        self, request: ApiRequest, entity: str, hook: str, project: str | None = None
    ) -> HttpResponseBase:
        remove_hook(get_hook(_owner(request, entity, project), hook), by=request.actor)
        return HttpResponse(status=204)


class _DeliveriesView(ApiView):
    def get(
        self, request: ApiRequest, entity: str, hook: str, project: str | None = None
    ) -> HttpResponseBase:
        return paged(request, deliveries_of(get_hook(_owner(request, entity, project), hook)), DeliveryOut)


class _TestView(ApiView):
    def post(
        self, request: ApiRequest, entity: str, hook: str, project: str | None = None
    ) -> HttpResponseBase:
        made = send_test(get_hook(_owner(request, entity, project), hook))
        return Response(DeliveryOut(made).data, status=202)


@extend_schema_view(
    get=extend_schema(
        operation_id="list_project_webhooks",
        summary="The webhooks of a project, the oldest first, for admins",
        tags=_TAGS,
        parameters=[PageQuery],
        responses=answers({200: HookPage}, 403),
    ),
    post=extend_schema(
        operation_id="create_project_webhook",
        summary="Have an address told of what happens in a project, for admins by a key that is good for everything",
        tags=_TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=HookNew,
        responses=writes({201: HookMade}, 422),
    ),
)
class ProjectHookListView(_ListView):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="get_project_webhook",
        summary="A webhook of a project",
        tags=_TAGS,
        responses=answers({200: HookOut}, 403),
    ),
    patch=extend_schema(
        operation_id="change_project_webhook",
        summary="Switch a webhook of a project on or off. What happens while it is off is not told later",
        tags=_TAGS,
        request=HookChange,
        responses=writes({200: HookOut}),
    ),
    delete=extend_schema(
        operation_id="delete_project_webhook",
        summary="End a webhook of a project, with the list of what it was told",
        tags=_TAGS,
        responses=writes({204: None}),
    ),
)
class ProjectHookView(_HookView):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="list_project_webhook_deliveries",
        summary="What became of the last hundred messages to a webhook of a project, the newest first",
        tags=_TAGS,
        parameters=[PageQuery],
        responses=answers({200: DeliveryPage}, 403),
    )
)
class ProjectHookDeliveriesView(_DeliveriesView):
    pass


@extend_schema_view(
    post=extend_schema(
        operation_id="test_project_webhook",
        summary="Send a test to a webhook of a project",
        tags=_TAGS,
        request=None,
        responses=writes({202: DeliveryOut}),
    )
)
class ProjectHookTestView(_TestView):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="list_entity_webhooks",
        summary="The webhooks of a whole team, or of oneself, the oldest first, for admins",
        tags=_TAGS,
        parameters=[PageQuery],
        responses=answers({200: HookPage}, 403),
    ),
    post=extend_schema(
        operation_id="create_entity_webhook",
        summary="Have an address told of what happens in a whole team, or of oneself, for admins by a key that is good for everything",
        tags=_TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=HookNew,
        responses=writes({201: HookMade}, 422),
    ),
)
class EntityHookListView(_ListView):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="get_entity_webhook",
        summary="A webhook of a whole team, or of oneself",
        tags=_TAGS,
        responses=answers({200: HookOut}, 403),
    ),
    patch=extend_schema(
        operation_id="change_entity_webhook",
        summary="Switch a webhook of a whole team, or of oneself on or off. What happens while it is off is not told later",
        tags=_TAGS,
        request=HookChange,
        responses=writes({200: HookOut}),
    ),
    delete=extend_schema(
        operation_id="delete_entity_webhook",
        summary="End a webhook of a whole team, or of oneself, with the list of what it was told",
        tags=_TAGS,
        responses=writes({204: None}),
    ),
)
class EntityHookView(_HookView):
    pass


@extend_schema_view(
    get=extend_schema(
        operation_id="list_entity_webhook_deliveries",
        summary="What became of the last hundred messages to a webhook of a whole team, or of oneself, the newest first",
        tags=_TAGS,
        parameters=[PageQuery],
        responses=answers({200: DeliveryPage}, 403),
    )
)
class EntityHookDeliveriesView(_DeliveriesView):
    pass


@extend_schema_view(
    post=extend_schema(
        operation_id="test_entity_webhook",
        summary="Send a test to a webhook of a whole team, or of oneself",
        tags=_TAGS,
        request=None,
        responses=writes({202: DeliveryOut}),
    )
)
class EntityHookTestView(_TestView):
    pass
