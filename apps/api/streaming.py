from __future__ import annotations

from collections.abc import Iterator

from django.http import StreamingHttpResponse

from apps.api.request import ApiRequest


def streamed(
    request: ApiRequest, parts: Iterator[bytes], *, content_type: str, status: int = 200
) -> StreamingHttpResponse:
    """An answer in parts, the first of which is made now: what cannot be read fails before the answer has begun."""
    held = iter(()) if request.method == "HEAD" else _begun(parts)
    return StreamingHttpResponse(held, content_type=content_type, status=status)


def _begun(parts: Iterator[bytes]) -> Iterator[bytes]:
    first = next(parts, b"")

    def rest() -> Iterator[bytes]:
        yield first
        yield from parts

    return rest()
