"""Config and summary as documents: the JSON text as it was sent, to the letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, cast

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser

from apps.access.policy import Permission
from apps.api.describe import IF_MATCH, IF_NONE_MATCH, answers, writes
from apps.api.etags import is_known, only_if, run_tag
from apps.api.request import ApiRequest
from apps.api.views.base import ApiView, not_modified
from apps.api.wire import read_bounded
from apps.core.errors import Invalid
from apps.runs.queries import get_run, open_run
from apps.runs.services import update_run
from apps.runs.types import OpenRun, RunPatch

if TYPE_CHECKING:
    from apps.runs.models import Run


class JsonText(BaseParser):
    """The body as text; whether it is JSON is for the run to say."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {}).get("request")
        data = read_bounded(stream, request.META.get("CONTENT_LENGTH") if request is not None else None)
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise Invalid("The document is not UTF-8.") from None


# What the config and the summary have in common. No docstring: the schema would show it to readers of the API.
class _DocumentView(ApiView):
    parser_classes = [JsonText]

    @staticmethod
    def text_of(opened: OpenRun) -> str:
        """The document's text in an opened run."""
        raise NotImplementedError  # abstract

    @staticmethod
    def patch_with(text: str) -> RunPatch:
        """The change that puts `text` in its place."""
        raise NotImplementedError  # abstract

    def show(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_READ, entity=entity, project=project, name=run)
        tag = run_tag(held)
        return not_modified(tag) if is_known(request, tag) else self._answer(open_run(held), held)

    def replace(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.RUN_WRITE, entity=entity, project=project, name=run)
        # Without a body there is no parser to give its text.
        text = cast("str", request.data or "")
        changed = update_run(held, self.patch_with(text), by=request.actor, only_if=only_if(request, run_tag))
        return self._answer(changed, changed.run)

    def _answer(self, opened: OpenRun, held: Run) -> HttpResponse:
        body = self.text_of(opened).encode("utf-8", "surrogatepass")
        return HttpResponse(body, content_type="application/json", headers={"ETag": run_tag(held)})


class ConfigView(_DocumentView):
    @staticmethod
    def text_of(opened: OpenRun) -> str:
        return opened.config_text

    @staticmethod
    def patch_with(text: str) -> RunPatch:
        return RunPatch(config_text=text)

    @extend_schema(
        operation_id="get_config",
        summary="The config, to the letter",
        tags=["runs"],
        parameters=[IF_NONE_MATCH],
        responses=answers({200: OpenApiTypes.OBJECT, 304: None}),
    )
    def get(self, request: ApiRequest, **place: str) -> HttpResponseBase:
        return self.show(request, **place)

    @extend_schema(
        operation_id="replace_config",
        summary="Replace the config; the text is kept to the letter",
        tags=["runs"],
        parameters=[IF_MATCH],
        request=OpenApiTypes.OBJECT,
        responses=writes({200: OpenApiTypes.OBJECT}, 412),
    )
    def put(self, request: ApiRequest, **place: str) -> HttpResponseBase:
        return self.replace(request, **place)


class SummaryView(_DocumentView):
    @staticmethod
    def text_of(opened: OpenRun) -> str:
        return opened.summary_text

    @staticmethod
    def patch_with(text: str) -> RunPatch:
        return RunPatch(summary_text=text)

    @extend_schema(
        operation_id="get_summary",
        summary="The summary, to the letter",
        tags=["runs"],
        parameters=[IF_NONE_MATCH],
        responses=answers({200: OpenApiTypes.OBJECT, 304: None}),
    )
    def get(self, request: ApiRequest, **place: str) -> HttpResponseBase:
        return self.show(request, **place)

    @extend_schema(
        operation_id="replace_summary",
        summary="Replace the summary; the text is kept to the letter",
        tags=["runs"],
        parameters=[IF_MATCH],
        request=OpenApiTypes.OBJECT,
        responses=writes({200: OpenApiTypes.OBJECT}, 412),
    )
    def put(self, request: ApiRequest, **place: str) -> HttpResponseBase:
        return self.replace(request, **place)
