"""Pages for everybody: the terms, what is held about whom, and what it costs."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.web.holdings import HOLDINGS
from apps.web.operator import operator
from apps.web.rendering import render
from apps.web.request import Request


@require_safe
def terms(request: Request) -> HttpResponse:
    return render(request, "legal/terms.html", {"operator": operator()})


@require_safe
def privacy(request: Request) -> HttpResponse:
    return render(request, "legal/privacy.html", {"operator": operator(), "holdings": HOLDINGS})


@require_safe
def pricing(request: Request) -> HttpResponse:
    return render(request, "legal/pricing.html", {"operator": operator()})
