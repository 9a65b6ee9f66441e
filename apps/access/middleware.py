from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed

from apps.access.rules import rules_of_url


class DeclaredWaysIn:
    """Lets a request through to its view only when its URL and method are declared in `access.rules`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        rules = rules_of_url(match.view_name) if match is not None else {}
        if not rules:
            raise Http404("This URL has no rule.")
        if request.method not in rules:
            return HttpResponseNotAllowed(sorted(rules))
        return None
