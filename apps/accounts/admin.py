from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress, EmailConfirmation
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from apps.accounts.models import ApiKey, User
from apps.core.admin import ReadOnlyAdmin


@admin.register(User)
class UserAdmin(ReadOnlyAdmin[User]):
    list_display = ["username", "email", "is_active", "is_staff", "created_at"]
    search_fields = ["username", "email"]
    ordering = ["username"]

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return [name for name in super().get_fields(request, obj) if name != "password"]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin[ApiKey]):
    list_display = ["public_id", "user", "created_at", "last_used_at", "revoked_at"]
    list_select_related = ["user"]
    ordering = ["-id"]

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return [name for name in super().get_fields(request, obj) if name != "secret_sha256_hex"]


# Libraries register these with an editor; operators have no business in them.
for model in (EmailAddress, EmailConfirmation, Group):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
