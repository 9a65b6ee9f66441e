"""Bodies of requests whose sender is not known yet: only so many of them are read at once.

Whoever sends a body decides how slowly it arrives, and a thread of the server waits for it. A handful of connections
that begin a body and never end it would otherwise hold every thread, without an account or a key.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.core.errors import Unavailable

# A quarter of the server's threads (config.launch.web). Forms are small and there at once, so that few are ever taken.
MOST_AT_ONCE = 4
_RETRY_AFTER_SECONDS = 5
_slots = threading.BoundedSemaphore(MOST_AT_ONCE)


@contextmanager
def reading_of_a_stranger() -> Iterator[None]:
    """Read the body inside this block; Unavailable when too many others are being read."""
    if not _slots.acquire(blocking=False):
        raise Unavailable("Too many requests are on their way at this moment. Try again soon.")
    try:
        yield
    finally:
        _slots.release()


class BodiesOfStrangers:
    """Reads a form before anything looks into it. Views without CSRF protection know their sender first, or see to it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if not _has_body(request) or getattr(view, "csrf_exempt", False):
            return None
        try:
            with reading_of_a_stranger():
                _ = request.body
        except Unavailable as error:
            answer = HttpResponse(f"{error.public_message}\n", status=503, content_type="text/plain")
            answer["Retry-After"] = str(_RETRY_AFTER_SECONDS)
            return answer
        return None


def _has_body(request: HttpRequest) -> bool:
    return request.headers.get("Content-Length", "0") not in {"", "0"}
