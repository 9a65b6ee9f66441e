from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access.policy import Permission
from apps.api.describe import IDEMPOTENCY_KEY, answers, writes
from apps.api.replays import Done, once
from apps.api.request import ApiRequest
from apps.api.serializers.fields import PageQuery
from apps.api.serializers.saved_views import ViewChanges, ViewNew, ViewOut, ViewPage
from apps.api.views.base import ApiView, sent
from apps.api.views.keys import paged
from apps.projects.queries import get_project
from apps.projects.saved_views import damaged_views, get_view, open_view, views_of
from apps.projects.services import change_view, delete_view, save_view
from apps.vault.damage import leaving_out_damaged

if TYPE_CHECKING:
    from apps.projects.models import Project

_TAGS = ["views"]


class ViewListView(ApiView):
    @extend_schema(
        operation_id="list_project_views",
        summary="The saved views of a project’s table of runs, by name",
        tags=_TAGS,
        parameters=[PageQuery],
        responses=answers({200: ViewPage}),
    )
    def get(self, request: ApiRequest, entity: str, project: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
        with leaving_out_damaged() as damaged:
            answer = paged(request, views_of(held), ViewOut)
        answer.data["unreadable"] = [each.public_id for each in damaged_views(held, damaged)]
        return answer

    @extend_schema(
        operation_id="create_project_view",
        summary="Save how the table of a project is looked at, under a name",
        tags=_TAGS,
        parameters=[IDEMPOTENCY_KEY],
        request=ViewNew,
        responses=writes({201: ViewOut}, 409, 422),
    )
    def post(self, request: ApiRequest, entity: str, project: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.PROJECT_WRITE, entity=entity, name=project)
        new = sent(request, ViewNew).validated_data

        def create() -> Done:
            made = save_view(held, name=new["name"], table=new["table"], by=request.actor)
            return Done(201, made.public_id)

        done = once(request, create)
        return _answer(held, done.subject, done.status)


class OneView(ApiView):
    @extend_schema(
        operation_id="get_project_view",
        summary="A saved view",
        tags=_TAGS,
        responses=answers({200: ViewOut}),
    )
    def get(self, request: ApiRequest, entity: str, project: str, view: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
        return _answer(held, view)

    @extend_schema(
        operation_id="change_project_view",
        summary="Call a saved view otherwise, or have it show something else",
        tags=_TAGS,
        request=ViewChanges,
        responses=writes({200: ViewOut}, 409, 422),
    )
    def patch(self, request: ApiRequest, entity: str, project: str, view: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.PROJECT_WRITE, entity=entity, name=project)
        found, changes = get_view(held, view), sent(request, ViewChanges).validated_data
        change_view(found, name=changes.get("name"), table=changes.get("table"), by=request.actor)
        return _answer(held, view)

    @extend_schema(
        operation_id="delete_project_view",
        summary="Delete a saved view. The runs stay as they are",
        tags=_TAGS,
        responses=writes({204: None}),
    )
    def delete(self, request: ApiRequest, entity: str, project: str, view: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.PROJECT_WRITE, entity=entity, name=project)
        delete_view(get_view(held, view), by=request.actor)
        return HttpResponse(status=204)


def _answer(project: Project, view: str, status: int = 200) -> Response:
    return Response(ViewOut(open_view(get_view(project, view))).data, status=status)
