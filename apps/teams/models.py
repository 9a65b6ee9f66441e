from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.names import USERNAME_VALIDATORS
from apps.core import clock
from apps.core.ids import new_public_id
from apps.teams.types import EntityKind, MemberRole


class Entity(models.Model):
    """The owner of projects: a person's own, or a team. Its name stands first in every URL."""

    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    name = models.CharField(max_length=39, unique=True, validators=USERNAME_VALIDATORS)
    kind = models.CharField(max_length=8, choices=[(k, k) for k in EntityKind])
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="entity", blank=True
    )
    vault_node = models.UUIDField(unique=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name_plural = "entities"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=EntityKind.PERSONAL, user__isnull=False)
                | Q(kind=EntityKind.TEAM, user__isnull=True),
                name="a_personal_entity_has_its_person",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """What a person is in a team. Everybody is the admin of their own entity without a row here."""

    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=[(r, r) for r in MemberRole])
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "user"], name="one_membership_per_person")]

    def __str__(self) -> str:
        return f"membership {self.pk}"
