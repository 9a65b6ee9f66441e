from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.core.admin import ReadOnlyAdmin
from apps.plans.models import Entitlement
from apps.plans.services import withdraw_plan


@admin.register(Entitlement)
class EntitlementAdmin(ReadOnlyAdmin):
    list_display = ["user", "plan", "granted_at", "until"]
    list_filter = ["plan"]
    list_select_related = ["user"]
    ordering = ["-id"]
    actions = ["withdraw"]

    @admin.action(description=_("Withdraw: no new teams with it, those that are there stay"))
    def withdraw(self, request: HttpRequest, entitlements: QuerySet[Entitlement]) -> None:
        self.act_on_each(request, entitlements, withdraw_plan, "withdrawn")
