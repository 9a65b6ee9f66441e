from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.projects.models import Project, ProjectMember, SavedView, ShareLink


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "entity", "visibility", "runs_made", "created_at", "last_activity_at"]
    list_filter = ["visibility"]
    list_select_related = ["entity"]
    ordering = ["-id"]


@admin.register(ProjectMember)
class ProjectMemberAdmin(ReadOnlyAdmin):
    list_display = ["project", "user", "role", "created_at"]
    list_filter = ["role"]
    list_select_related = ["project", "user"]
    ordering = ["-id"]


@admin.register(ShareLink)
class ShareLinkAdmin(ReadOnlyAdmin):
    hidden = frozenset({"secret_sha256_hex"})
    list_display = ["public_id", "project", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["project"]
    ordering = ["-id"]


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "project", "created_at", "changed_at"]
    list_select_related = ["project"]
    ordering = ["-id"]
