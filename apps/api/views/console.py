from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from apps.access.policy import Permission
from apps.api.describe import answers
from apps.api.renderers import PlainText
from apps.api.request import ApiRequest
from apps.api.serializers.history import ConsoleQuery
from apps.api.streaming import streamed
from apps.api.views.base import ApiView, asked
from apps.runs.history import store
from apps.runs.queries import get_run

if TYPE_CHECKING:
    from apps.runs.models import Run

LINES_AT_ONCE = 20_000


class ConsoleView(ApiView):
    renderer_classes = [PlainText]

    @extend_schema(
        operation_id="get_console",
        summary="What the run printed, line by line",
        tags=["history"],
        parameters=[ConsoleQuery],
        responses=answers({(200, "text/plain"): OpenApiTypes.STR}),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=run)
        query = asked(request, ConsoleQuery)
        left = max(0, held.output_lines - query["first"])
        count = left if query["count"] is None else min(left, query["count"])
        return streamed(request, _text(held, query["first"], count), content_type="text/plain; charset=utf-8")


def _text(run: Run, first: int, count: int) -> Iterator[bytes]:
    while count > 0:
        lines = store.console(run, first, min(count, LINES_AT_ONCE))
        if not lines:
            return
        yield "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        first, count = first + len(lines), count - len(lines)
