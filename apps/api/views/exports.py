from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.api.describe import IDEMPOTENCY_KEY, RANGE, answers, writes
from apps.api.ranges import wanted
from apps.api.renderers import Bytes
from apps.api.replays import Done, once
from apps.api.request import ApiRequest
from apps.api.serializers.erasures import ErasureOut
from apps.api.serializers.exports import ExportList, ExportNew, ExportOut
from apps.api.streaming import streamed
from apps.api.views.base import ApiView, require_proof, sent, signed_in
from apps.api.views.erasures import begun
from apps.api.wire import JsonRenderer
from apps.erasure.exports import erase_exports
from apps.exports.asking import ask_for, ask_for_account
from apps.exports.queries import (
    exports_seen_by,
    file_name,
    get_archive,
    get_export,
    get_export_to_end,
    read_archive,
)
from apps.exports.services import note_fetched
from apps.exports.types import ExportScope, Tables


class ExportListView(ApiView):
    @extend_schema(
        operation_id="list_exports",
        summary="The newest exports that you asked for, and those of entities whose admin you are",
        tags=["exports"],
        responses=answers({200: ExportList}),
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        return Response({"items": ExportOut(exports_seen_by(signed_in(request)), many=True).data})

    @extend_schema(
        operation_id="create_export",
        summary="Have runs, a project, everything of an entity, or your account put into one archive",
        tags=["exports"],
        parameters=[IDEMPOTENCY_KEY],
        request=ExportNew,
        responses=writes({202: ExportOut}, 409, 422),
    )
    def post(self, request: ApiRequest) -> HttpResponseBase:
        actor, new = signed_in(request), sent(request, ExportNew).validated_data
        if "scope" in new:
            require_proof(request)

        def ask() -> Done:
            tables = Tables(new["tables"])
            if "scope" in new:
                return Done(202, ask_for_account(actor, tables=tables).public_id)
            export = ask_for(
                actor,
                entity=new["entity"],
                project=new.get("project"),
                runs=new.get("runs"),
                tables=tables,
            )
            return Done(202, export.public_id)

        done = once(request, ask)
        return Response(ExportOut(get_export(actor, public_id=done.subject)).data, status=done.status)


class ExportView(ApiView):
    @extend_schema(
        operation_id="get_export",
        summary="An export, and how far it is",
        tags=["exports"],
        responses=answers({200: ExportOut}),
    )
    def get(self, request: ApiRequest, export: str) -> HttpResponseBase:
        return Response(ExportOut(get_export(signed_in(request), public_id=export)).data)

    @extend_schema(
        operation_id="erase_export",
        summary="End an export: called off while it is made, erased when it is there",
        tags=["exports"],
        request=None,
        responses=writes({202: ErasureOut}),
    )
    def delete(self, request: ApiRequest, export: str) -> HttpResponseBase:
        actor = signed_in(request)
        return begun(erase_exports([get_export_to_end(actor, public_id=export)], by=actor))


class ArchiveView(ApiView):
    renderer_classes = [Bytes, JsonRenderer]

    @extend_schema(
        operation_id="download_export",
        summary="The archive of an export that is ready, whole or in part",
        description="A ZIP file in the format of docs/export-format.md. A download that broke off goes on with `Range`. It is "
        "for who asked, as long as they may export all of what is in it; that of an account, in a browser, for who has just shown who "
        "they are.",
        tags=["exports"],
        parameters=[RANGE],
        responses=answers(
            {(200, "application/zip"): OpenApiTypes.BINARY, (206, "application/zip"): OpenApiTypes.BINARY},
            416,
        ),
    )
    def get(self, request: ApiRequest, export: str) -> HttpResponseBase:
        actor = signed_in(request)
        held = get_archive(actor, public_id=export)
        if held.scope == ExportScope.ACCOUNT:
            require_proof(request)
        start, end = wanted(request.headers.get("Range", ""), held.size)
        is_part = (start, end) != (0, held.size)
        if request.method == "GET":
            note_fetched(held, by=actor, from_start=start == 0)
        answer = streamed(
            request,
            read_archive(held, start=start, end=end),
            content_type="application/zip",
            status=206 if is_part else 200,
        )
        answer["Content-Length"] = str(end - start)
        answer["Accept-Ranges"] = "bytes"
        answer["ETag"] = f'"{held.public_id}"'
        answer["Content-Disposition"] = f'attachment; filename="{file_name(held)}"'
        if is_part:
            answer["Content-Range"] = f"bytes {start}-{end - 1}/{held.size}"
        return answer
