"""Bytes of run files, in and out: PUT with a signed URL, GET with a signed URL or a key."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.core.errors import Invalid, Unavailable
from apps.files.queries import get_file, read_file
from apps.files.services import store_file
from apps.wandb_protocol.auth import actor_of
from apps.wandb_protocol.errors import answer, speaks_to_client
from apps.wandb_protocol.signing import DOWNLOAD, UPLOAD, read_signed

_STEP = 256 * 1024
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_PLAIN_TYPE = "application/octet-stream"


@csrf_exempt
@require_http_methods(["PUT"])
@speaks_to_client
def upload(request: HttpRequest, /, token: str) -> HttpResponse:
    actor, file_id = read_signed(UPLOAD, token)
    file = get_file(actor, Permission.FILE_WRITE, public_id=file_id)
    store_file(file, body_of(request))
    return HttpResponse(status=200)


def body_of(request: HttpRequest) -> Iterator[bytes]:
    """The body as it arrives. One that breaks off raises, so that nothing half is stored."""
    promised = _promised_length(request)
    return _read(request, promised)


def _promised_length(request: HttpRequest) -> int:
    text = request.headers.get("Content-Length", "")
    if not text.isdecimal():
        raise Invalid("An upload tells its length (Content-Length).")
    return int(text)


def _read(request: HttpRequest, promised: int) -> Iterator[bytes]:
    left = promised
    while left > 0:
        try:
            part = request.read(min(_STEP, left))
        except UnreadablePostError:
            part = b""
        if not part:
            raise Unavailable("The upload broke off.")
        left -= len(part)
        yield part


@require_safe
@speaks_to_client
def signed_download(request: HttpRequest, /, token: str) -> HttpResponseBase:
    actor, file_id = read_signed(DOWNLOAD, token)
    return _serve(request, actor, file_id)


@require_safe
@speaks_to_client
def download(request: HttpRequest, /, file_id: str) -> HttpResponseBase:
    return _serve(request, actor_of(request), file_id)


def _serve(request: HttpRequest, actor: Actor, file_id: str) -> HttpResponseBase:
    file = get_file(actor, Permission.FILE_READ, public_id=file_id)
    return serve(request, file.size, lambda start, end: read_file(file, start=start, end=end))


def serve(request: HttpRequest, size: int, read: Callable[[int, int], Iterator[bytes]]) -> HttpResponseBase:
    """The bytes that are asked for, as an attachment that no browser will run or sniff."""
    try:
        start, end = _wanted(request.headers.get("Range", ""), size)
    except Invalid:
        refused = answer(416, "There is no such part of this file.")
        refused["Content-Range"] = f"bytes */{size}"
        return refused
    is_part = (start, end) != (0, size)
    parts = iter(()) if request.method == "HEAD" else read(start, end)
    response = StreamingHttpResponse(_begun(parts), status=206 if is_part else 200, content_type=_PLAIN_TYPE)
    response["Content-Length"] = str(end - start)
    response["Accept-Ranges"] = "bytes"
    response["Content-Disposition"] = "attachment"
    response["Cache-Control"] = "private, no-store"
    if is_part:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def _begun(parts: Iterator[bytes]) -> Iterator[bytes]:
    """The same parts with the first one read: what cannot be opened fails before the answer has begun."""
    first = next(parts, b"")

    def rest() -> Iterator[bytes]:
        yield first
        yield from parts

    return rest()


def _wanted(header: str, size: int) -> tuple[int, int]:
    """The asked part as start and end; the whole for no range, or for one in a form not served here."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise Invalid("There is no such part of this file.")
    return start, end


def mime_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or _PLAIN_TYPE
