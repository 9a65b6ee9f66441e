from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.errors import OwnlogError
from apps.web.appearance import is_page
from apps.web.errors import error_page, not_by_this_method


class PageErrors:
    """Turns what services raise into pages, and keeps every answer out of caches: it may show content."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if _is_blank_refusal(request, response):
            response = not_by_this_method(request, allowed=response["Allow"])
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response

    @staticmethod
    def process_exception(request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        return error_page(request, error) if isinstance(error, OwnlogError) else None


def _is_blank_refusal(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Somebody followed the address of a form, and `access` refused it in no words: it knows no pages."""
    match = request.resolver_match
    return response.status_code == 405 and match is not None and is_page(match)
