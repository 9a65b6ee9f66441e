from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from apps.access.policy import Permission
from apps.api.describe import IDEMPOTENCY_KEY, answers, writes
from apps.api.renderers import ROW_FORMATS, RowsRenderer
from apps.api.replays import Done, once
from apps.api.request import ApiRequest
from apps.api.serializers.history import Added, HistoryQuery, Keys, Rows
from apps.api.streaming import streamed
from apps.api.views.base import ApiView, asked, sent
from apps.api.wire import JsonParser, JsonRenderer, NdjsonParser
from apps.core.errors import Invalid
from apps.runs.formats.columns import Source
from apps.runs.history import store
from apps.runs.history.paths import Row, dotted
from apps.runs.queries import get_run
from apps.runs.services import add_history
from apps.runs.types import Stream

if TYPE_CHECKING:
    from apps.runs.models import Run

_FORMATS: dict[Any, Any] = {
    (200, "application/json"): {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
    (200, "application/x-ndjson"): OpenApiTypes.STR,
    (200, "text/csv"): OpenApiTypes.STR,
    (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
    (200, "application/vnd.apache.arrow.stream"): OpenApiTypes.BINARY,
}


class HistoryView(ApiView):
    renderer_classes = ROW_FORMATS
    parser_classes = [JsonParser, NdjsonParser]

    def get_renderers(self) -> list[BaseRenderer]:
        # The formats are of rows; what comes of adding some is told in JSON.
        return [JsonRenderer()] if self.request.method == "POST" else super().get_renderers()

    @extend_schema(
        operation_id="get_history",
        summary="What the run logged, step by step, as JSON, JSON Lines, CSV, Parquet or Arrow",
        tags=["history"],
        parameters=[HistoryQuery],
        responses=answers(_FORMATS),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=run)
        return _rows(request, held, Stream.HISTORY)

    @extend_schema(
        operation_id="add_history",
        summary="Add rows; a run that has ended stays so",
        tags=["history"],
        parameters=[IDEMPOTENCY_KEY],
        request={"application/json": Rows, "application/x-ndjson": OpenApiTypes.STR},
        responses=writes({(200, "application/json"): Added}, 422),
    )
    def post(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
        lines = _lines(request)

        def add() -> Done:
            return Done(200, held.public_id, add_history(held, lines, by=request.actor))

        return Response({"first_line": once(request, add).number, "line_count": len(lines)})


class EventsView(ApiView):
    renderer_classes = ROW_FORMATS

    @extend_schema(
        operation_id="get_events",
        summary="What the client measured of the machine, in the same formats as the history",
        tags=["history"],
        parameters=[HistoryQuery],
        responses=answers(_FORMATS),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=run)
        return _rows(request, held, Stream.EVENTS)


class KeysView(ApiView):
    @extend_schema(
        operation_id="get_history_keys",
        summary="What there is in the history: each key with its types, count and last step",
        tags=["history"],
        responses=answers({200: Keys}),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=run)
        found = store.keys_of(held)
        keys = [
            {"name": dotted(path), "types": facts.types, "count": facts.count, "last_step": facts.last_step}
            for path, facts in found.keys.items()
        ]
        return Response({"keys": keys, "last_step": found.last_step})


def _lines(request: ApiRequest) -> list[str]:
    if request.content_type.partition(";")[0].strip().lower() == NdjsonParser.media_type:
        return list(request.data or ())
    return list(sent(request, Rows).validated_data["rows"])


def _rows(request: ApiRequest, run: Run, stream: Stream) -> HttpResponseBase:
    reread = _asked_rows(run, stream, asked(request, HistoryQuery))
    form = cast("RowsRenderer", request.accepted_renderer)
    answer = streamed(request, form.write(reread), content_type=form.kind or form.media_type)
    answer["Content-Disposition"] = f'attachment; filename="{stream.value}.{form.format}"'
    return answer


def _asked_rows(run: Run, stream: Stream, query: dict[str, Any]) -> Callable[[], Iterator[Row]]:
    keys, first, last = query["key"], query["first_step"], query["last_step"]
    if query["samples"] is not None:
        rows = _sample(run, stream, query["samples"], keys, first, last)
        return lambda: iter(rows)
    reread = store.rereadable(run, stream, keys=keys or None, first_step=first, last_step=last)
    return Source((lambda: filter(None, reread())) if keys else reread, reread.columnar)


def _sample(
    run: Run, stream: Stream, samples: int, keys: list[str], first: int | None, last: int | None
) -> list[Row]:
    if keys and stream is Stream.HISTORY:
        return store.sample_keys(run, keys, samples, first_step=first, last_step=last)
    if keys or first is not None or last is not None:
        raise Invalid(
            "A sample of a range of steps needs keys; of events there are samples of whole rows only."
        )
    return store.sample_rows(run, stream, samples)
