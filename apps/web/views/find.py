from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.vault.damage import leaving_out_damaged
from apps.web.finding import PROJECTS_LOOKED_INTO, RUNS_LOOKED_AT, find_everywhere
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.words import Words


@login_required
@require_safe
def find(request: Request) -> HttpResponse:
    """What the asker may see and is called as they typed: the part for the palette, or a page of its own."""
    words, here = Words(request.GET.get("q", "")), request.GET.get("in", "")
    with leaving_out_damaged():
        found = find_everywhere(request.actor, words, here=here)
    bounds = {"projects": PROJECTS_LOOKED_INTO, "runs": RUNS_LOOKED_AT}
    context = {"words": words, "found": found, "bounds": bounds, "looked_in": here}
    return render(request, "find/_found.html" if request.htmx else "find/page.html", context)
