from __future__ import annotations

# Imported so that what they register is registered before it is taken away below.
import allauth.account.admin
import allauth.mfa.admin
import allauth.socialaccount.admin  # noqa: F401
import django.contrib.auth.admin  # noqa: F401
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import ApiKey, User
from apps.accounts.services import reactivate_account, suspend_account
from apps.core.admin import ReadOnlyAdmin


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    hidden = frozenset({"password", "language", "theme", "density", "has_single_keys"})
    list_display = ["username", "email", "is_service", "is_active", "is_staff", "created_at"]
    search_fields = ["username", "email"]
    # Those whom no server took the mail to that says that their account is not used: they stay (docs/adr/0257).
    list_filter = [("idle_tried_at", admin.EmptyFieldListFilter)]
    ordering = ["username"]
    actions = ["suspend", "reactivate"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Who is being erased is there for operators no more than for anybody."""
        return super().get_queryset(request).filter(erased_at=None)

    @admin.action(description=_("Suspend: no way in for them, their data is kept"))
    def suspend(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self.act_on_each(request, users, suspend_account, "suspended")

    @admin.action(description=_("Reactivate"))
    def reactivate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        self.act_on_each(request, users, reactivate_account, "reactivated")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    hidden = frozenset({"secret_sha256_hex"})
    list_display = ["public_id", "user", "scope", "created_at", "last_used_at", "expires_at", "revoked_at"]
    list_select_related = ["user"]
    ordering = ["-id"]


# Libraries register these with an editor; operators have no business in them.
for model in (
    Authenticator,
    EmailAddress,
    EmailConfirmation,
    Group,
    SocialAccount,
    SocialApp,
    SocialToken,
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
