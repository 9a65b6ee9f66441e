from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.erasure.models import ErasureJob


@admin.register(ErasureJob)
class ErasureJobAdmin(ReadOnlyAdmin):
    list_display = [
        "public_id",
        "entity",
        "scope",
        "cause",
        "step",
        "tries",
        "trouble",
        "asked_at",
        "due_at",
        "done_at",
    ]
    list_filter = ["scope", "cause", "step"]
    list_select_related = ["entity"]
    ordering = ["-id"]
