"""JSON in and out, exactly: NaN, infinities and integers of any size are read and written as Python's json does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpRequest
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

from apps.core import jsontext
from apps.core.errors import Invalid, TooMuch

MOST_BYTES = 16 * 1024 * 1024


def read_bounded(stream: IO[bytes] | HttpRequest, promised: object) -> bytes:
    """The whole body, when it is no larger than what is read at once."""
    text = str(promised or "")
    if text.isascii() and text.isdigit() and int(text) > MOST_BYTES:
        raise TooMuch(f"A request may have at most {MOST_BYTES >> 20} MiB.")
    # Django keeps what is read this way: the hash of an idempotent request needs it again.
    data = stream.body if isinstance(stream, HttpRequest) else stream.read()
    if len(data) > MOST_BYTES:
        raise TooMuch(f"A request may have at most {MOST_BYTES >> 20} MiB.")
    return data


class JsonParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {}).get("request")
        data = read_bounded(stream, request.META.get("CONTENT_LENGTH") if request is not None else None)
        return jsontext.loads(data)


class NdjsonParser(BaseParser):
    """Lines, each left as it is: what they are is for the stream to say."""

    media_type = "application/x-ndjson"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        request = (parser_context or {}).get("request")
        data = read_bounded(stream, request.META.get("CONTENT_LENGTH") if request is not None else None)
        try:
            lines = data.decode("utf-8", "surrogatepass").split("\n")
        except UnicodeDecodeError:
            raise Invalid("The lines are not UTF-8.") from None
        return [line.strip() for line in lines if line.strip()]


class JsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else jsontext.dumps(data).encode()
