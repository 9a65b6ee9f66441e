from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.api.describe import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, answers, writes
from apps.api.etags import is_known, only_if, run_tag
from apps.api.paging import next_cursor, place_of
from apps.api.replays import Done, once
from apps.api.request import ApiRequest
from apps.api.serializers.erasures import ErasureOut
from apps.api.serializers.runs import (
    INCLUDED,
    RunChanges,
    RunListQuery,
    RunNew,
    RunOut,
    RunPage,
    RunQuery,
    RunsToErase,
)
from apps.api.views.base import ApiView, asked, not_modified, sent
from apps.api.views.erasures import begun
from apps.core.errors import Conflict
from apps.erasure.services import erase_run, erase_runs
from apps.projects.queries import get_project
from apps.runs.queries import get_run, get_run_by_id, get_runs_in, open_run
from apps.runs.services import create_run, request_stop, update_run
from apps.runs.table import select_runs
from apps.teams.queries import author_names

if TYPE_CHECKING:
    from apps.runs.models import Run
    from apps.runs.types import OpenRun


class RunListView(ApiView):
    @extend_schema(
        operation_id="list_runs",
        summary="The runs of a project, filtered and in order",
        tags=["runs"],
        parameters=[RunListQuery],
        responses=answers({200: RunPage}),
    )
    def get(self, request: ApiRequest, entity: str, project: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.RUN_READ, entity=entity, name=project)
        query = asked(request, RunListQuery)
        start = place_of(query["cursor"])
        found = select_runs(
            held,
            filters=query["filters"],
            order=query["order"],
            offset=start,
            limit=query["limit"],
            seen_by=request.actor,
        )
        return Response(
            {
                "items": _facts(request.actor, found.runs, query["include"]),
                "total": found.total,
                "next": next_cursor(start, len(found.runs), found.total),
            }
        )

    @extend_schema(
        operation_id="create_run",
        summary="Make a run",
        tags=["runs"],
        parameters=[IDEMPOTENCY_KEY],
        request=RunNew,
        responses=writes({201: RunOut}, 409, 422),
    )
    def post(self, request: ApiRequest, entity: str, project: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.RUN_CREATE, entity=entity, name=project)
        new = sent(request, RunNew)

        def create() -> Done:
            name = new.validated_data.get("name")
            made = create_run(held, name=name, by=request.actor, patch=new.patch())
            return Done(201, made.run.public_id)

        return _answer_done(request, once(request, create))

    @extend_schema(
        operation_id="erase_runs",
        summary="Erase several runs for good, as one erasure: all of them, or none where one is not there or not yours",
        tags=["runs"],
        parameters=[RunsToErase],
        request=None,
        responses=writes({202: ErasureOut}, 410),
    )
    def delete(self, request: ApiRequest, entity: str, project: str) -> HttpResponseBase:
        held = get_project(request.actor, Permission.RUN_READ, entity=entity, name=project)
        names = asked(request, RunsToErase)["name"]
        runs = get_runs_in(request.actor, Permission.RUN_ERASE, project=held, names=names)
        return begun(erase_runs(runs, by=request.actor))


class RunView(ApiView):
    @extend_schema(
        operation_id="get_run",
        summary="A run",
        tags=["runs"],
        parameters=[RunQuery, IF_NONE_MATCH],
        responses=answers({200: RunOut, 304: None}),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=run)
        include = asked(request, RunQuery)["include"]
        tag = run_tag(held)
        return not_modified(tag) if is_known(request, tag) else _answer(request.actor, held, include=include)

    @extend_schema(
        operation_id="change_run",
        summary="Change a run",
        tags=["runs"],
        parameters=[IF_MATCH, IDEMPOTENCY_KEY],
        request=RunChanges,
        responses=writes({200: RunOut}, 412, 422),
    )
    def patch(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
        patch = sent(request, RunChanges).patch()

        def change() -> Done:
            changed = update_run(held, patch, by=request.actor, only_if=only_if(request, run_tag))
            return Done(200, changed.run.public_id)

        return _answer_done(request, once(request, change))

    @extend_schema(
        operation_id="erase_run",
        summary="Erase a run for good, with everything below it: gone for everybody at once, deleted soon after",
        tags=["runs"],
        request=None,
        responses=writes({202: ErasureOut}, 410),
    )
    def delete(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_ERASE, entity=entity, project=project, name=run)
        return begun(erase_run(held, by=request.actor))


class RunStopView(ApiView):
    @extend_schema(
        operation_id="stop_run",
        summary="Ask a run's client to stop: its next request is told so",
        tags=["runs"],
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses=writes({202: RunOut}, 409, 422),
    )
    def post(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)

        def stop() -> Done:
            if not request_stop(held, by=request.actor):
                raise Conflict("The run has ended already.")
            return Done(202, held.public_id)

        return _answer_done(request, once(request, stop))


def _answer_done(request: ApiRequest, done: Done) -> Response:
    held = get_run_by_id(request.actor, Permission.RUN_READ, public_id=done.subject)
    return _answer(request.actor, held, done.status, include=INCLUDED)


def _answer(actor: Actor, held: Run, status: int = 200, *, include: Iterable[str]) -> Response:
    (facts,) = _facts(actor, [open_run(held)], include)
    return Response(facts, status=status, headers={"ETag": run_tag(held)})


def _facts(actor: Actor, runs: Sequence[OpenRun], include: Iterable[str]) -> Any:
    names = author_names(actor, [opened.run.created_by_id for opened in runs])
    return RunOut(runs, many=True, context={"names": names, "include": include}).data
