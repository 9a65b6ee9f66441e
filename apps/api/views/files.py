from __future__ import annotations

from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apps.access.policy import Permission
from apps.api.bodies import body_of, length_of
from apps.api.describe import RANGE, answers, writes
from apps.api.errors import CodeNotKept
from apps.api.paging import next_cursor, place_of
from apps.api.ranges import wanted
from apps.api.renderers import Bytes
from apps.api.request import ApiRequest
from apps.api.serializers.erasures import ErasureOut
from apps.api.serializers.fields import PageQuery
from apps.api.serializers.files import FileOut, FilePage
from apps.api.streaming import streamed
from apps.api.views.base import ApiView, asked
from apps.api.views.erasures import begun
from apps.api.wire import JsonRenderer
from apps.erasure.services import erase_files
from apps.files.queries import find_file, list_files, open_file, read_file
from apps.files.services import announce_files, refusal, store_file
from apps.files.types import Withheld
from apps.runs.queries import get_run


class FileListView(ApiView):
    @extend_schema(
        operation_id="list_files",
        summary="The files of a run, by name",
        tags=["files"],
        parameters=[PageQuery],
        responses=answers({200: FilePage}),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
        query = asked(request, PageQuery)
        files, start = list_files(held), place_of(query["cursor"])
        shown = files[start : start + query["limit"]]
        following = next_cursor(start, len(shown), len(files))
        return Response({"items": FileOut(shown, many=True).data, "total": len(files), "next": following})


class FileView(ApiView):
    renderer_classes = [Bytes, JsonRenderer]

    @extend_schema(
        operation_id="download_file",
        summary="A file, whole or in part",
        tags=["files"],
        parameters=[RANGE],
        responses=answers(
            {
                (200, "application/octet-stream"): OpenApiTypes.BINARY,
                (206, "application/octet-stream"): OpenApiTypes.BINARY,
            },
            416,
        ),
    )
    def get(self, request: ApiRequest, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
        found = find_file(held, name)
        start, end = wanted(request.headers.get("Range", ""), found.size)
        is_part = (start, end) != (0, found.size)
        answer = streamed(
            request,
            read_file(found.file, start=start, end=end),
            content_type=Bytes.media_type,
            status=206 if is_part else 200,
        )
        answer["Content-Length"] = str(end - start)
        answer["Accept-Ranges"] = "bytes"
        answer["Content-Disposition"] = _attachment(found.name)
        answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
        if is_part:
            answer["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
        return answer

    @extend_schema(
        operation_id="upload_file",
        summary="Keep a file, in place of what it held; code only where code saving is on",
        tags=["files"],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=writes({(200, "application/json"): FileOut, (201, "application/json"): FileOut}),
    )
    def put(self, request: ApiRequest, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.FILE_WRITE, entity=entity, project=project, name=run)
        length = length_of(request)
        (room,) = announce_files(held, [name])
        if room.refused is Withheld.CODE:
            raise CodeNotKept(refusal(room.refused).public_message)
        if room.file is None:
            raise refusal(Withheld.METADATA)
        is_new = room.file.blob_id is None
        stored = store_file(room.file, body_of(request, length))
        request.accepted_renderer = JsonRenderer()
        request.accepted_media_type = JsonRenderer.media_type
        return Response(FileOut(open_file(stored)).data, status=201 if is_new else 200)

    @extend_schema(
        operation_id="erase_file",
        summary="Erase a file for good: gone for everybody at once, deleted soon after",
        tags=["files"],
        request=None,
        responses=writes({(202, "application/json"): ErasureOut}, 410),
    )
    def delete(self, request: ApiRequest, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
        held = get_run(request.actor, Permission.FILE_ERASE, entity=entity, project=project, name=run)
        file = find_file(held, name).file
        request.accepted_renderer = JsonRenderer()
        request.accepted_media_type = JsonRenderer.media_type
        return begun(erase_files([file], by=request.actor))


def _attachment(name: str) -> str:
    """The last part of the name, without letters that would turn or hide its end."""
    last = name.rsplit("/", 1)[-1]
    plain = "".join(letter if letter.isprintable() else "_" for letter in last)[-180:]
    return content_disposition_header(as_attachment=True, filename=plain) or "attachment"
