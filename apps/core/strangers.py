"""Bodies of forms, and of requests whose sender is not known yet: only so many of them are read at once.

Whoever sends a body decides how slowly it arrives, and a thread of the server waits for it. A handful of connections
that begin a body and never end it would otherwise hold every thread, without an account or a key. People who are signed
in have room of their own, of which one of them takes a part: neither strangers nor one of them close the others' forms
(docs/adr/0292).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.core.errors import Unavailable

# A quarter of the server's threads (config.launch.web). Forms are small and there at once, so that few are ever taken.
MOST_AT_ONCE = 4
MOST_OF_PEOPLE, MOST_OF_ONE = 8, 4
_RETRY_AFTER_SECONDS = 5
_slots = threading.BoundedSemaphore(MOST_AT_ONCE)
_people = Counter[int]()
_lock = threading.Lock()


@contextmanager
def reading_of_a_stranger() -> Iterator[None]:
    """Read the body inside this block; Unavailable when too many others are being read."""
    if not _slots.acquire(blocking=False):
        raise _too_many()
    try:
        yield
    finally:
        _slots.release()


@contextmanager
def reading_of(person: int) -> Iterator[None]:
    """The same for the form of somebody who is signed in."""
    with _lock:
        if _people.total() >= MOST_OF_PEOPLE or _people[person] >= MOST_OF_ONE:
            raise _too_many()
        _people[person] += 1
    try:
        yield
    finally:
        with _lock:
            _people[person] -= 1
            if not _people[person]:
                del _people[person]


def _too_many() -> Unavailable:
    return Unavailable("Too many requests are on their way at this moment. Try again soon.")


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
            with _reading(request):
                _ = request.body
        except Unavailable as error:
            answer = HttpResponse(f"{error.public_message}\n", status=503, content_type="text/plain")
            answer["Retry-After"] = str(_RETRY_AFTER_SECONDS)
            return answer
        return None


def _reading(request: HttpRequest) -> AbstractContextManager[None]:
    # Not `request.actor`: asked before somebody signs in, it would be nobody afterwards.
    person = request.user.pk if request.user.is_authenticated else None
    return reading_of_a_stranger() if person is None else reading_of(person)


def _has_body(request: HttpRequest) -> bool:
    return request.headers.get("Content-Length", "0") not in {"", "0"}
