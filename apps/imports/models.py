from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from apps.artifacts.models import Collection, Version
from apps.blobs.models import Blob
from apps.core import clock
from apps.core.ids import new_public_id
from apps.imports.types import Clash, ImportState, ItemKind
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity


class Import(models.Model):
    """Something that is brought from elsewhere, and how far it has come. Its `uuid` is what its projects are closed with until
    everything is there."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="imports")
    origin = models.CharField(
        max_length=16
    )  # an Origin; no choices, which a migration would repeat for each new reader
    clash = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Clash])
    fingerprint_index = models.BinaryField(max_length=16)  # of what is brought, under the entity's key
    # What was handed in, under a key of its own; both are gone once it is read, or given up. Nothing where somebody on the machine
    # named a path.
    vault_node = models.UUIDField(unique=True, null=True)
    archive = models.OneToOneField(Blob, on_delete=models.PROTECT, null=True, related_name="imported")
    asked_by = models.CharField(max_length=20)  # as the audit record has it: an opaque id, or "operator"
    asked_with = models.CharField(
        max_length=20, default=""
    )  # the public id of the API key, where one was used
    brought_for = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )  # whose the runs are here
    state = models.CharField(
        max_length=10,
        choices=[(each.value, each.value) for each in ImportState],
        default=ImportState.QUEUED.value,
    )
    projects = models.PositiveIntegerField(default=0)
    runs = models.PositiveIntegerField(default=0)
    versions = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    things = models.PositiveIntegerField(default=0)  # runs and versions there are, where that is known
    asked_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(
        null=True
    )  # somebody is at it; past this moment they are taken for dead
    waits_until = models.DateTimeField(
        null=True
    )  # what it needs could not be had; no claim, so who comes next takes nobody's place
    turn_at = models.DateTimeField(default=clock.now)  # who waits longest for a turn has the next
    tries = models.PositiveIntegerField(default=0)  # that broke off without a thing in between
    worked_seconds = models.FloatField(
        default=0
    )  # in turns that ended in the middle of the thing that it is at
    trouble = models.CharField(max_length=60, default="")  # the kind of error that ended it
    # What was handed in cannot be read though other files can: since when, and how often it was tried. Beyond an hour it is given up.
    unread_since = models.DateTimeField(null=True)
    unread_tries = models.PositiveIntegerField(default=0)
    sealed_words = models.BinaryField(null=True)  # what was said of it, under the entity's key

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="import_ended_with_its_moment",
                condition=models.Q(
                    state__in=[ImportState.DONE.value, ImportState.GIVEN_UP.value], ended_at__isnull=False
                )
                | (
                    models.Q(state__in=[ImportState.QUEUED.value, ImportState.RUNNING.value])
                    & models.Q(ended_at=None)
                ),
            ),
            models.CheckConstraint(
                name="imported_archive_under_its_key",
                condition=models.Q(archive=None) | models.Q(vault_node__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["entity", "-id"], name="imports_of_entity"),
            models.Index(fields=["state", "turn_at"], name="imports_in_line"),
        ]

    def __str__(self) -> str:
        return self.public_id


class ImportItem(models.Model):
    """One thing that is brought: what it became here, and whether all of it has come."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="items")
    kind = models.CharField(max_length=10, choices=[(each.value, each.value) for each in ItemKind])
    key_index = models.BinaryField(max_length=16)  # what it was known by there, under the entity's key
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="+")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, null=True, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, null=True, related_name="+")
    is_done = models.BooleanField(default=False)
    left_out = models.PositiveIntegerField(default=0)  # of what is in it
    called_index = models.BinaryField(max_length=16, default=bytes)  # the same of what lineage calls it
    # Lineage, in which one end is this: a letter for what it is, and the index of the other end.
    edges_index = models.BinaryField(default=bytes)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["of", "kind", "key_index"], name="one_import_item_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
