from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


def render(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page. Half of a surrogate pair, which JSON can carry and UTF-8 cannot, becomes a question mark."""
    text = render_to_string(template, dict(context), request=request)
    return HttpResponse(text.encode("utf-8", "replace"), status=status)
