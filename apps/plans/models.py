from __future__ import annotations

import uuid
from datetime import UTC, date, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.core import clock
from apps.core.ids import new_public_id
from apps.plans.types import FREE_PLANS, OPEN_STATES, Act, Plan, RequestState


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

    @property
    def last_day(self) -> date | None:
        """The last day (UTC) on which it holds; none where it holds until it is withdrawn."""
        return (self.until - timedelta.resolution).astimezone(UTC).date() if self.until else None


class PlanRequest(models.Model):
    """That somebody asks for a free team. Its words lie under a key of its own, which ends with the decision."""

    # What sealed fields are bound to.
    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="plan_requests")
    plan = models.CharField(max_length=12, choices=[(each.value, each.value) for each in FREE_PLANS])
    state = models.CharField(
        max_length=12,
        choices=[(each.value, each.value) for each in RequestState],
        default=RequestState.OPEN.value,
    )
    vault_node = models.UUIDField(unique=True)  # below the operators' node; afterwards the id of a tombstone
    sealed_address = models.BinaryField(null=True)
    sealed_use = models.BinaryField(null=True)
    sealed_evidence = models.BinaryField(null=True)
    sealed_reason = models.BinaryField(null=True)  # of the decision, under the key of the person who asked
    created_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True)
    words_erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(closed_at=None), name="one_open_request_per_person"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in OPEN_STATES], closed_at=None)
                | (~Q(state__in=[each.value for each in OPEN_STATES]) & Q(closed_at__isnull=False)),
                name="a_request_is_closed_with_its_decision",
            ),
            models.CheckConstraint(
                condition=Q(words_erased_at=None)
                | Q(sealed_address=None, sealed_use=None, sealed_evidence=None, closed_at__isnull=False),
                name="erased_words_are_gone_and_decided",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class RequestStep(models.Model):
    """One act on a request: who, what, when. The question or the answer goes with the words; the rest stays."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(PlanRequest, on_delete=models.CASCADE, related_name="steps")
    act = models.CharField(max_length=12, choices=[(each.value, each.value) for each in Act])
    by = models.CharField(max_length=20)  # an opaque id, which stays when the account is gone
    at = models.DateTimeField(default=clock.now)
    sealed_text = models.BinaryField(null=True)
    told_at = models.DateTimeField(null=True)  # when the mail about it went out

    class Meta:
        indexes = [models.Index(name="plan_steps_to_tell", fields=["at"], condition=Q(told_at=None))]

    def __str__(self) -> str:
        return f"step {self.pk}"
