from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.vault.models import Node, Tombstone


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "created_at", "dirty_at"]
    list_filter = ["kind"]
    ordering = ["-created_at"]


@admin.register(Tombstone)
class TombstoneAdmin(ReadOnlyAdmin):
    list_display = ["node_id", "kind", "erased_at"]
    list_filter = ["kind"]
    ordering = ["-erased_at"]
