"""Operators' own pages beside Django's admin: numbers and states, no content."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.files.backlog import work_that_waits
from apps.files.sizes import sizes_of_entities
from apps.web.rendering import render
from apps.web.request import Request


@require_safe
def sizes(request: Request) -> HttpResponse:
    return _page(request, "admin/sizes.html", {"sizes": sizes_of_entities(request.actor)})


@require_safe
def jobs(request: Request) -> HttpResponse:
    return _page(request, "admin/jobs.html", {"works": work_that_waits(request.actor)})


def _page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    return render(request, template, admin.site.each_context(request) | context)
