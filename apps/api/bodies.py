"""Bodies that are stored as they arrive, and not read into memory."""

from __future__ import annotations

from collections.abc import Iterator

from django.http.request import UnreadablePostError

from apps.api.errors import LengthNeeded
from apps.api.request import ApiRequest
from apps.core.errors import Unavailable

_STEP = 256 * 1024


def length_of(request: ApiRequest) -> int:
    text = request.headers.get("Content-Length", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise LengthNeeded("An upload tells its length (Content-Length).")
    return int(text)


def body_of(request: ApiRequest, left: int) -> Iterator[bytes]:
    """The body as it arrives. One that breaks off raises, so that nothing half is stored."""
    while left > 0:
        try:
            part = request._request.read(min(_STEP, left))
        except UnreadablePostError:
            part = b""
        if not part:
            raise Unavailable("The upload broke off.")
        left -= len(part)
        yield part
