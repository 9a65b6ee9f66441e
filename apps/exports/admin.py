from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.exports.models import Export


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    list_display = [
        "public_id",
        "entity",
        "scope",
        "state",
        "runs",
        "files",
        "size",
        "tries",
        "trouble",
        "asked_at",
    ]
    list_filter = ["scope", "state"]
    list_select_related = ["entity"]
    ordering = ["-id"]
