from __future__ import annotations

from django.conf import settings
from django.db import models

from apps.core import clock
from apps.plans.types import Plan


class Entitlement(models.Model):
    """That a person may make teams on a hosted instance. It ends by its day or by being withdrawn, which deletes it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="entitlements")
    plan = models.CharField(max_length=12, choices=[(each.value, each.value) for each in Plan])
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    granted_at = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True)  # none: until it is withdrawn

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="one_plan_per_person")]

    def __str__(self) -> str:
        return f"entitlement {self.pk}"
