from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core.ids import new_public_id

log = logging.getLogger("ownlog.requests")

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestLog:
    """One line a request: method, the route's *name*, status, milliseconds and an id; never the path."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        request_id = new_public_id()
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        milliseconds = (time.perf_counter() - started) * 1000
        level = logging.ERROR if response.status_code == 500 else logging.DEBUG
        log.log(level, "%s %s %.0fms %s", _what(request), response.status_code, milliseconds, request_id)
        return response

    @staticmethod
    def process_exception(request: HttpRequest, error: Exception) -> None:
        log.error("unhandled in %s", _what(request), exc_info=error)


def _what(request: HttpRequest) -> str:
    """Method and route, in words of ours only: HTTP lets a sender invent methods."""
    method = request.method if request.method in _METHODS else "other"
    return f"{method} {request.resolver_match.view_name if request.resolver_match else 'none'}"
