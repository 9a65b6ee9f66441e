"""Views that are imported when they are first asked for.

The REST framework and its schema take as long to import as half of the rest of the house. Most scripts and pages
never ask this door anything, and a start, above all one after a crash, should not wait for it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string


class Later:
    """The view at this place in `apps.api.views`: a class of the REST framework, or a function."""

    csrf_exempt = (
        True  # as the framework's own views: they ask for the token where a session is what lets one in
    )

    def __init__(self, place: str) -> None:
        self._place = place
        self.initkwargs: dict[str, Any] = {}  # with `cls`, where the schema's generator looks

    @cached_property
    def _target(self) -> Any:
        return import_string(f"apps.api.views.{self._place}")

    @property
    def cls(self) -> type | None:
        """The class behind the view; a function has none."""
        return self._target if isinstance(self._target, type) else None

    @cached_property
    def _view(self) -> Any:
        return self._target.as_view() if self.cls else self._target

    def __call__(self, request: HttpRequest, **names: str) -> HttpResponseBase:
        answer: HttpResponseBase = self._view(request, **names)
        return answer
