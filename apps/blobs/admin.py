from __future__ import annotations

from django.contrib import admin

from apps.blobs.models import Blob
from apps.core.admin import ReadOnlyAdmin


@admin.register(Blob)
class BlobAdmin(ReadOnlyAdmin):
    list_display = ["object_name", "state", "plain_size", "stored_size", "created_at"]
    list_filter = ["state"]
    ordering = ["-id"]
