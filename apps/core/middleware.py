from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import Http404, HttpRequest, HttpResponse

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
        if not isinstance(error, Http404):  # which is an answer: a library's page that is switched off here
            log.error("unhandled in %s", _what(request), exc_info=error)


class ProxyUntold:
    """Says once that somebody seems to stand in front whom nobody told us of: everyone would come from one network then.

    Anybody can send this header, so it is never believed by itself, and what it says is not written anywhere.
    """

    _is_said = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if settings.OWNLOG_TRUSTED_PROXY:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_X_FORWARDED_FOR" in request.META and not ProxyUntold._is_said:
            ProxyUntold._is_said = True
            log.warning(
                "requests come by a proxy, and OWNLOG_TRUSTED_PROXY is not set: all people look like one network, "
                "wrong passwords of one count for all (docs/install.md)"
            )
        return self.get_response(request)


def _what(request: HttpRequest) -> str:
    """Method and route, in words of ours only: HTTP lets a sender invent methods."""
    method = request.method if request.method in _METHODS else "other"
    return f"{method} {request.resolver_match.view_name if request.resolver_match else 'none'}"
