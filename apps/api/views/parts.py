"""Erasing parts of a run: metrics, values, media."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access.policy import Permission
from apps.api.describe import answers, writes
from apps.api.request import ApiRequest
from apps.api.serializers.erasures import ErasureOut, PartsQuery, PartsWouldGoOut
from apps.api.views.base import ApiView, asked
from apps.api.views.erasures import begun
from apps.erasure.parts import check_parts, erase_parts, parts_would_go
from apps.runs.parts import PartKind, RunPart
from apps.runs.queries import get_run


class PartsView(ApiView):
    @extend_schema(
        operation_id="count_parts",
        summary="What erasing these parts of a run would take",
        tags=["runs"],
        parameters=[PartsQuery],
        responses=answers({200: PartsWouldGoOut}, 403, 410),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_ERASE, entity=entity, project=project, name=run)
        parts = _parts(request)
        check_parts(held, parts)
        return Response(PartsWouldGoOut(parts_would_go(held, parts)).data)

    @extend_schema(
        operation_id="erase_parts",
        summary="Erase parts of a run that has ended. It is closed for a moment (503: ask again), and comes back without them",
        tags=["runs"],
        parameters=[PartsQuery],
        request=None,
        responses=writes({202: ErasureOut}, 409, 410),
    )
    def delete(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_ERASE, entity=entity, project=project, name=run)
        return begun(erase_parts(held, _parts(request), by=request.actor))


def _parts(request: ApiRequest) -> list[RunPart]:
    query = asked(request, PartsQuery)
    return [RunPart(kind, name) for kind in PartKind for name in query.get(kind.value, [])]
