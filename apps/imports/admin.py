from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.imports.models import Import


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    list_display = [
        "public_id",
        "entity",
        "origin",
        "state",
        "runs",
        "versions",
        "left_out",
        "trouble",
        "asked_at",
    ]
    list_filter = ["origin", "state"]
    list_select_related = ["entity"]
    ordering = ["-id"]
