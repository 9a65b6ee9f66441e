from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.statistics.models import Figure, Release


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ["month", "epsilon", "delta", "minimum", "released_on"]
    ordering = ["-month"]


@admin.register(Figure)
class FigureAdmin(ReadOnlyAdmin):
    list_display = ["library", "users", "release"]
    list_filter = ["release"]
    list_select_related = ["release"]
    ordering = ["-release__month", "-users", "library"]
