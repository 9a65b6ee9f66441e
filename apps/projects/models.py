from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.access.policy import Visibility
from apps.core import clock
from apps.core.ids import new_public_id
from apps.teams.models import Entity


class Project(models.Model):
    """A place for runs, private unless somebody said otherwise. Its name is content: found by blind index."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.PROTECT, related_name="projects")
    vault_node = models.UUIDField(unique=True)
    name_index = models.BinaryField(max_length=16)
    sealed_name = models.BinaryField()
    sealed_description = models.BinaryField(null=True)
    visibility = models.CharField(
        max_length=10, choices=[(v, v) for v in Visibility], default=Visibility.PRIVATE.value
    )
    runs_made = models.PositiveIntegerField(default=0)  # numbers the names that the server invents
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    last_activity_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "name_index"], name="one_project_per_name")]

    def __str__(self) -> str:
        return self.public_id
