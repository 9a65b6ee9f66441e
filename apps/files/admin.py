from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.files.models import RunFile


@admin.register(RunFile)
class RunFileAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "run", "size", "created_at", "updated_at"]
    list_select_related = ["run__project__entity"]
    ordering = ["-id"]
