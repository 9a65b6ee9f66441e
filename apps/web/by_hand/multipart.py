"""A form with files, read part by part as it arrives: what a file holds is handed on and lies nowhere in the clear.

Django would first put the whole of it into memory or into a temporary file. Its reader of single parts is used here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest
from django.http.multipartparser import (
    FIELD,
    FILE,
    LazyStream,
    MultiPartParserError,
    Parser,
)
from django.http.request import UnreadablePostError
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _

from apps.core.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from django.http.multipartparser import ChunkIter

_STEP = 256 * 1024
_LONGEST_FIELD = 8 * 1024
_LONGEST_BOUNDARY = 200
_MOST_PARTS = 1_000


@dataclass(frozen=True, slots=True)
class Part:
    """A field with its text, or a file with its name and bytes. The next part comes when this one is read."""

    name: str
    text: str = ""
    filename: str = ""
    content: Iterator[bytes] | None = None


def _body(request: HttpRequest, left: int) -> Iterator[bytes]:
    """The body as it arrives. It raises when it breaks off: what ends early must not be taken for a whole file."""
    while left > 0:
        try:
            piece = request.read(min(_STEP, left))
        except UnreadablePostError:
            piece = b""
        if not piece:
            raise Unavailable(_("The upload broke off. Send it again."))
        left -= len(piece)
        yield piece


def parts_of(request: HttpRequest) -> Iterator[Part]:
    """The parts of a multipart body, in their order."""
    boundary = _boundary(request)
    stream = LazyStream(cast("ChunkIter", _body(request, _length(request))))
    try:
        yield from _parts(Parser(stream, boundary))
    except MultiPartParserError:
        raise Invalid(_("This is not a form with files.")) from None


def _parts(parser: Parser) -> Iterator[Part]:
    for count, (kind, head, content) in enumerate(parser):
        if count > _MOST_PARTS:
            raise Invalid(_("The form has too many parts."))
        parameters = head.get("content-disposition", ("", {}))[1]
        name = _text(parameters.get("name", ""))
        if kind == FIELD:
            yield Part(name, text=_field(content))
        elif kind == FILE and (filename := _text(parameters.get("filename", "")).strip()):
            yield Part(name, filename=filename, content=iter(content))
        # Whatever of it nobody read stands before the next part.
        for _piece in content:
            pass


def _boundary(request: HttpRequest) -> bytes:
    kind, parameters = parse_header_parameters(request.headers.get("Content-Type", ""))
    boundary = str(parameters.get("boundary", ""))
    if kind != "multipart/form-data" or not 0 < len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise Invalid(_("This is not a form with files."))
    return boundary.encode()


def _length(request: HttpRequest) -> int:
    text = request.headers.get("Content-Length", "")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(_("The form does not tell how long it is."))
    return int(text)


def _field(content: Any) -> str:
    data: bytes = content.read(_LONGEST_FIELD + 1)
    if len(data) > _LONGEST_FIELD:
        raise Invalid(_("A field of the form is too long."))
    return data.decode("utf-8", "replace")


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
