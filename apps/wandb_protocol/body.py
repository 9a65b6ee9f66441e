"""Reading a request's body within bounds, whatever its headers promise."""

from __future__ import annotations

import zlib

from django.http import HttpRequest
from django.http.request import UnreadablePostError

from apps.core.errors import Invalid, TooMuch, Unavailable

MOST_BYTES = 16 * 1024 * 1024
_STEP = 64 * 1024
_PIECE = 1024 * 1024


def read_body(request: HttpRequest, *, most: int = MOST_BYTES) -> bytes:
    """The body, unzipped when it says so, never more than `most` bytes before or after."""
    raw = _raw(request, most)
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return raw
    if encoding != "gzip":
        raise Invalid("This content encoding is not spoken here: send it plain or as gzip.")
    return gunzip(raw, most=most)


def _raw(request: HttpRequest, most: int) -> bytes:
    try:
        promised = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        raise Invalid("The length of the body is not a number.") from None
    if promised > most:
        raise TooMuch(f"A request may have at most {_in_words(most)}.")
    raw = bytearray()
    try:
        while part := request.read(_PIECE):
            raw += part
    except UnreadablePostError:
        raise Unavailable("The body broke off.") from None
    if len(raw) < promised:
        # The connection broke; the rest may come with the next try.
        raise Unavailable("The body broke off.")
    return bytes(raw)


def _in_words(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def gunzip(raw: bytes, *, most: int) -> bytes:
    """Unzip without ever holding more than `most`: a few kilobytes can promise gigabytes."""
    opener = zlib.decompressobj(wbits=31)
    parts: list[bytes] = []
    size = 0
    rest = raw
    try:
        while rest and not opener.eof:
            part = opener.decompress(rest, _STEP)
            size += len(part)
            if size > most:
                raise TooMuch(f"Unzipped, a request may have at most {_in_words(most)}.")
            parts.append(part)
            rest = opener.unconsumed_tail
    except zlib.error:
        raise Invalid("The body is not the gzip that it claims to be.") from None
    if not opener.eof or opener.unused_data:
        raise Invalid("The gzip of the body is cut off or has more behind its end.")
    return b"".join(parts)
