from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.runs.models import Run, Segment


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = [
        "public_id",
        "project",
        "state",
        "history_lines",
        "output_lines",
        "created_at",
        "heartbeat_at",
    ]
    list_filter = ["state"]
    list_select_related = ["project__entity"]
    ordering = ["-id"]


@admin.register(Segment)
class SegmentAdmin(ReadOnlyAdmin):
    list_display = ["id", "run", "stream", "first_line", "line_count", "blob"]
    list_select_related = ["run__project__entity", "blob"]
    ordering = ["-id"]
