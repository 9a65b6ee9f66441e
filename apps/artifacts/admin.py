from __future__ import annotations

from django.contrib import admin

from apps.artifacts.models import Version
from apps.core.admin import ReadOnlyAdmin


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "collection", "number", "state", "size", "file_count", "created_at"]
    list_select_related = ["collection__project__entity"]
    ordering = ["-id"]
