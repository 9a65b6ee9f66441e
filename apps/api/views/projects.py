from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.api.describe import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, answers, writes
from apps.api.etags import is_known, only_if, project_tag
from apps.api.paging import next_cursor, place_of
from apps.api.replays import Done, once
from apps.api.request import ApiRequest
from apps.api.serializers.erasures import ErasureOut
from apps.api.serializers.projects import ProjectChanges, ProjectNew, ProjectOut, ProjectPage, ProjectQuery
from apps.api.views.base import ApiView, asked, not_modified, sent, signed_in
from apps.api.views.erasures import begun
from apps.core.errors import NotFound
from apps.erasure.services import erase_project
from apps.files.exposure import Asked, require_agreement
from apps.projects.queries import get_project, get_project_by_id, my_projects, open_project, projects_of
from apps.projects.services import check_visibility, create_project, update_project
from apps.runs.queries import count_runs
from apps.teams.queries import entities_of, entity_by_name

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.projects.types import OpenProject


class ProjectListView(ApiView):
    @extend_schema(
        operation_id="list_projects",
        summary="Your projects and those of your teams, the most recently active first",
        tags=["projects"],
        parameters=[ProjectQuery],
        responses=answers({200: ProjectPage}),
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        query = asked(request, ProjectQuery)
        projects = _projects(signed_in(request), query["entity"])
        start = place_of(query["cursor"])
        shown = projects[start : start + query["limit"]]
        total = len(projects)
        page = {"items": _facts(shown), "total": total, "next": next_cursor(start, len(shown), total)}
        return Response(page)

    @extend_schema(
        operation_id="create_project",
        summary="Make a project, as visible as its owner has chosen for new ones unless you say otherwise",
        tags=["projects"],
        parameters=[IDEMPOTENCY_KEY],
        request=ProjectNew,
        responses=writes({201: ProjectOut}, 409, 422),
    )
    def post(self, request: ApiRequest) -> HttpResponseBase:
        actor = signed_in(request)
        new = sent(request, ProjectNew).validated_data

        def create() -> Done:
            words = new.get("description", "")
            visibility = Visibility(new["visibility"]) if "visibility" in new else None
            made = create_project(
                actor, entity=new.get("entity"), name=new["name"], description=words, visibility=visibility
            )
            return Done(201, made.public_id)

        done = once(request, create)
        return _answer(get_project_by_id(actor, Permission.PROJECT_READ, public_id=done.subject), done.status)


class ProjectView(ApiView):
    @extend_schema(
        operation_id="get_project",
        summary="A project",
        tags=["projects"],
        parameters=[IF_NONE_MATCH],
        responses=answers({200: ProjectOut, 304: None}),
    )
    def get(self, request: ApiRequest, entity: str, project: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
        tag = project_tag(held)
        return not_modified(tag) if is_known(request, tag) else _answer(held)

    @extend_schema(
        operation_id="change_project",
        summary="Change a project's description or who may see it",
        tags=["projects"],
        parameters=[IF_MATCH, IDEMPOTENCY_KEY],
        request=ProjectChanges,
        responses=writes({200: ProjectOut}, 409, 412, 422),
    )
    def patch(self, request: ApiRequest, entity: str, project: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.PROJECT_WRITE, entity=entity, name=project)
        changes = sent(request, ProjectChanges).validated_data
        done = once(request, lambda: Done(200, _change(request.actor, held, changes, request).public_id))
        return _answer(
            get_project_by_id(request.actor, Permission.PROJECT_READ, public_id=done.subject), done.status
        )

    @extend_schema(
        operation_id="erase_project",
        summary="Erase a project for good, with everything in it: gone for everybody at once, deleted soon after",
        tags=["projects"],
        request=None,
        responses=writes({202: ErasureOut}, 410),
    )
    def delete(self, request: ApiRequest, entity: str, project: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.PROJECT_ERASE, entity=entity, name=project)
        return begun(erase_project(held, by=request.actor))


def _projects(actor: Actor, entity: str) -> list[OpenProject]:
    if not entity:
        return my_projects(actor)
    owner = entity_by_name(entity)
    found = projects_of(actor, owner)
    if not found and owner not in entities_of(actor):
        raise NotFound("There is no such entity, or it is not shared with you.")
    return found


def _change(actor: Actor, held: Project, changes: dict[str, Any], request: ApiRequest) -> Project:
    visibility = changes.get("visibility")
    if visibility is not None:
        held = get_project_by_id(actor, Permission.PROJECT_SHARE, public_id=held.public_id)
        check_visibility(held.entity, Visibility(visibility))
        agreed = {Asked(each) for each in changes.get("agree_to_show", ())}
        require_agreement(held, Visibility(visibility), agreed=agreed)
    return update_project(
        held,
        by=actor,
        description=changes.get("description"),
        visibility=None if visibility is None else Visibility(visibility),
        only_if=only_if(request, project_tag),
    )


def _answer(held: Project, status: int = 200) -> Response:
    (facts,) = _facts([open_project(held)])
    return Response(facts, status=status, headers={"ETag": project_tag(held)})


def _facts(projects: Sequence[OpenProject]) -> Any:
    counts = count_runs(opened.project for opened in projects)
    return ProjectOut(projects, many=True, context={"counts": counts}).data
