from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.core import clock
from apps.core.ids import new_public_id
from apps.projects.models import Project
from apps.teams.models import Entity
from apps.webhooks.types import DeliveryState, Happening, Trouble


def happenings() -> list[tuple[str, str]]:
    """Asked by name, so that a new one is no change of the table."""
    return [(each.value, each.value) for each in Happening]


def troubles() -> list[tuple[str, str]]:
    return [("", ""), *((each.value, each.value) for each in Trouble)]


class Hook(models.Model):
    """An address that is told of what happens in a project, or in all of an entity. Address and secret are sealed."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="hooks")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="hooks", null=True)
    sealed_address = models.BinaryField()  # under the project's key, or the entity's
    sealed_secret = models.BinaryField()
    happenings = models.CharField(max_length=120)  # words of the closed list, with spaces between
    is_on = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    # While it does not answer one delivery after the other tries again, further and further apart.
    failures = models.PositiveIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True)
    waits_until = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)  # when its owner heard that deliveries are given up
    arrived_at = models.DateTimeField(null=True)  # the last that was taken

    class Meta:
        indexes = [
            models.Index(fields=["entity"], condition=models.Q(is_on=True), name="hooks_that_are_on"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Delivery(models.Model):
    """One telling, from the transaction in which the thing happened until it is taken or given up: ids and states only."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="deliveries")
    happening = models.CharField(max_length=20, choices=happenings)
    facts = models.JSONField(default=dict)  # public ids, states, counts
    state = models.CharField(max_length=10, choices=[(each.value, each.value) for each in DeliveryState])
    awaits = models.CharField(max_length=20, default="")  # the public id of what is under way
    created_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(null=True)  # from when on it may go; None while it is held
    busy_until = models.DateTimeField(null=True)  # a worker is at it; past this moment it is taken for dead
    tries = models.PositiveIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)  # of the last answer
    trouble = models.CharField(max_length=10, choices=troubles, default="")
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="delivery_due_unless_held",
                condition=models.Q(state=DeliveryState.HELD.value, due_at=None)
                | models.Q(due_at__isnull=False)
                | models.Q(state=DeliveryState.GIVEN_UP.value),
            )
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state=DeliveryState.WAITING.value),
                name="deliveries_that_wait",
            ),
            models.Index(
                fields=["awaits"],
                condition=models.Q(state=DeliveryState.HELD.value),
                name="deliveries_held",
            ),
            models.Index(fields=["hook", "-id"], name="deliveries_of_hook"),
            models.Index(
                fields=["done_at"], condition=models.Q(done_at__isnull=False), name="deliveries_done"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id
