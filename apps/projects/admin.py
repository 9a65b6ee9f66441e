from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.projects.models import Project


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "entity", "visibility", "runs_made", "created_at", "last_activity_at"]
    list_filter = ["visibility"]
    list_select_related = ["entity"]
    ordering = ["-id"]
