from __future__ import annotations

from django.contrib import admin

from apps.audit.models import Event
from apps.core.admin import ReadOnlyAdmin


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["at", "kind", "subject", "entity", "by"]
    list_filter = ["kind"]
    ordering = ["-id"]
