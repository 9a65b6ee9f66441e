"""Operators' own pages beside Django's admin: numbers and states, no content."""

from __future__ import annotations

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.audit.watching import note_seen
from apps.files.backlog import work_that_waits
from apps.files.sizes import sizes_of_entities
from apps.web.rendering import render
from apps.web.request import Request

_ON_A_PAGE = 100  # as many as in a list of the admin: each owner of them is told


@require_safe
def sizes(request: Request) -> HttpResponse:
    shown = Paginator(sizes_of_entities(request.actor), _ON_A_PAGE).get_page(request.GET.get("page"))
    note_seen(request, [each.entity for each in shown], is_list=True)
    return _page(request, "admin/sizes.html", {"shown": shown})


@require_safe
def jobs(request: Request) -> HttpResponse:
    return _page(request, "admin/jobs.html", {"works": work_that_waits(request.actor)})


def _page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    return render(request, template, admin.site.each_context(request) | context)
