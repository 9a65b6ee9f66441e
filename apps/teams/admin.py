from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.core.admin import ReadOnlyAdmin
from apps.teams.models import (
    Entity,
    Invitation,
    Membership,
    Organisation,
    OrganisationMembership,
    ServiceAccount,
    Setting,
)
from apps.teams.services.suspending import reactivate_entity, suspend_entity


@admin.register(Entity)
class EntityAdmin(ReadOnlyAdmin):
    list_display = ["name", "kind", "created_at", "suspended_at"]
    list_filter = ["kind"]
    search_fields = ["name"]
    ordering = ["name"]
    actions = ["suspend", "reactivate"]

    @admin.action(description=_("Suspend: closed to everybody, the data is kept"))
    def suspend(self, request: HttpRequest, entities: QuerySet[Entity]) -> None:
        self.act_on_each(request, entities, suspend_entity, "suspended")

    @admin.action(description=_("Reactivate"))
    def reactivate(self, request: HttpRequest, entities: QuerySet[Entity]) -> None:
        self.act_on_each(request, entities, reactivate_entity, "reactivated")


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ["entity", "user", "role", "created_at"]
    list_select_related = ["entity", "user"]
    ordering = ["-id"]


@admin.register(ServiceAccount)
class ServiceAccountAdmin(ReadOnlyAdmin):
    list_display = ["public_id", "entity", "user", "created_at", "removed_at"]
    list_select_related = ["entity", "user"]
    ordering = ["-id"]


@admin.register(Organisation)
class OrganisationAdmin(ReadOnlyAdmin):
    list_display = ["name", "created_at"]
    search_fields = ["name"]
    ordering = ["name"]


@admin.register(OrganisationMembership)
class OrganisationMembershipAdmin(ReadOnlyAdmin):
    list_display = ["organisation", "user", "role", "created_at"]
    list_select_related = ["organisation", "user"]
    ordering = ["-id"]


@admin.register(Setting)
class SettingAdmin(ReadOnlyAdmin):
    list_display = ["entity", "organisation", "name", "value", "is_enforced", "set_at"]
    list_filter = ["name", "is_enforced"]
    list_select_related = ["entity", "organisation"]
    ordering = ["-id"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    hidden = frozenset({"secret_sha256_hex"})
    list_display = ["public_id", "entity", "organisation", "role", "created_at", "expires_at", "used_at"]
    list_select_related = ["entity", "organisation"]
    ordering = ["-id"]
