from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.runs.history import store
from apps.runs.types import OpenRun
from apps.web.console import console_lines
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.runs import frame, opened_run

CONSOLE_PAGE = 500


@require_safe
def console(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """A page of console lines; the last one unless another is asked for."""
    opened = opened_run(request, entity, project, run)
    return render(request, "runs/console.html", frame(request, opened) | _console_page(request, opened))


def _console_page(request: Request, opened: OpenRun) -> dict[str, Any]:
    total = opened.run.output_lines
    last_page = max(0, (total - 1) // CONSOLE_PAGE)
    asked = request.GET.get("page", "")
    place = (
        min(int(asked), last_page) if asked.isascii() and asked.isdigit() and len(asked) < 9 else last_page
    )
    first = place * CONSOLE_PAGE
    return {
        "lines": console_lines(store.console(opened.run, first, CONSOLE_PAGE), first=first),
        "total": total,
        "first": first + 1,
        "last": min(first + CONSOLE_PAGE, total),
        "earlier": place - 1 if place else None,
        "later": place + 1 if place < last_page else None,
        "is_last": place == last_page,
    }
