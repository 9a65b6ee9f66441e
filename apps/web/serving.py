"""Handing out the bytes of files: for keeping, for an element that shows or plays them, or as a page in its own sandbox.

Whatever a file holds, it never is a document of this origin.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from apps.files.queries import read_file
from apps.files.thumbnails import small_bytes
from apps.files.types import OpenFile
from apps.web.downloads import attachment
from apps.web.ranges import Part, parts_of
from apps.web.request import Request

ANYTHING = "application/octet-stream"
# A page that somebody made stands in an origin of its own that no other page has, and reaches nothing from there. Its
# scripts run only for whoever asks for that: no policy keeps WebRTC from calling another machine.
_IN_A_SANDBOX = (
    "sandbox{sandbox}; default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data: blob:; font-src data:; connect-src 'none'; frame-src 'none'; "
    "worker-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_STILL = _IN_A_SANDBOX.format(sandbox="", scripts="'none'")
_RUNNING = _IN_A_SANDBOX.format(sandbox=" allow-scripts", scripts="'unsafe-inline'")
# What somebody logged is data there, and only these scripts of ours run.
_DRAWING = " allow-scripts"


@dataclass(frozen=True, slots=True)
class Handed:
    """Bytes to hand out, wherever they are kept: `read` gives those from one place to another."""

    name: str
    size: int
    moment: datetime
    read: Callable[..., Iterator[bytes]]
    tag: str = ""  # tells whoever goes on with a file that it still is the same


def handed(found: OpenFile) -> Handed:
    """A file of a run."""
    tag = f'"{found.sha256_hex[:32]}"' if found.sha256_hex else ""
    return Handed(found.name, found.size, found.file.updated_at, partial(read_file, found.file), tag)


def small_of(found: OpenFile) -> Handed | None:
    """The small picture of a file of a run, where one was made."""
    small = small_bytes(found.file)
    if small is None:
        return None

    def read(start: int = 0, end: int | None = None) -> Iterator[bytes]:
        yield small[start:end]

    return Handed(found.name, len(small), found.file.updated_at, read)


def served(request: Request, file: OpenFile | Handed, kind: str) -> HttpResponseBase:
    """The file or the parts asked for. Opened by itself it is kept, not shown; an element may show or play it."""
    found = file if isinstance(file, Handed) else handed(file)
    parts = _asked(request, found)
    if parts == []:
        response: HttpResponseBase = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{found.size}"
    elif parts is None:
        response = _answer(found.read(), kind, found.size, status=200)
    elif len(parts) == 1:
        ((start, end),) = parts
        response = _answer(found.read(start=start, end=end), kind, end - start, status=206)
        response["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    else:
        response = _several(found, parts, kind)
    if found.tag:
        response["ETag"] = found.tag
    response["Accept-Ranges"] = "bytes"
    response["Content-Disposition"] = attachment(found.name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response


def sandboxed(request: Request, file: OpenFile | Handed, *, with_scripts: bool) -> HttpResponseBase:
    """A page that somebody made, in a frame of ours only; asked for in any other way it is a file to keep.

    Were it opened by itself, no policy of a page around it would keep it from going elsewhere with what it holds.
    """
    if request.headers.get("Sec-Fetch-Dest") != "iframe":
        return served(request, file, ANYTHING)
    found = file if isinstance(file, Handed) else handed(file)
    response = _answer(found.read(), "text/html; charset=utf-8", found.size, status=200)
    return _alone(response, _RUNNING if with_scripts else _STILL)


def drawn_apart(response: HttpResponse, scripts: Iterable[str]) -> HttpResponseBase:
    """A page of ours that draws what somebody logged, in the same sandbox: of scripts only these, by their whole address."""
    return _alone(response, _IN_A_SANDBOX.format(sandbox=_DRAWING, scripts=" ".join(scripts)))


def _alone(response: HttpResponseBase, policy: str) -> HttpResponseBase:
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = policy
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["X-DNS-Prefetch-Control"] = "off"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _asked(request: Request, found: Handed) -> list[Part] | None:
    header = request.headers.get("Range", "")
    if request.method != "GET" or not header:
        return None
    held = request.headers.get("If-Range")
    if held is not None and held != found.tag:
        return None
    return parts_of(header, found.size)


def _answer(body: Iterator[bytes], kind: str, length: int, *, status: int) -> StreamingHttpResponse:
    response = StreamingHttpResponse(body, content_type=kind, status=status)
    response["Content-Length"] = str(length)
    return response


def _several(found: Handed, parts: list[Part], kind: str) -> StreamingHttpResponse:
    between = secrets.token_hex(16)
    heads = [
        f"\r\n--{between}\r\nContent-Type: {kind}\r\nContent-Range: bytes {start}-{end - 1}/{found.size}\r\n\r\n".encode()
        for start, end in parts
    ]
    foot = f"\r\n--{between}--\r\n".encode()
    length = sum(map(len, heads)) + sum(end - start for start, end in parts) + len(foot)

    def pieces() -> Iterator[bytes]:
        for head, (start, end) in zip(heads, parts, strict=True):
            yield head
            yield from found.read(start=start, end=end)
        yield foot

    return _answer(pieces(), f"multipart/byteranges; boundary={between}", length, status=206)
