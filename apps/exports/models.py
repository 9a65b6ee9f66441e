from __future__ import annotations

import uuid

from django.db import models

from apps.artifacts.models import Collection, Version
from apps.blobs.models import Blob
from apps.core import clock
from apps.core.ids import new_public_id
from apps.core.present import Present
from apps.exports.types import ExportScope, ExportState, ItemKind, Tables
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity


class Export(models.Model):
    """An archive that somebody asked for, how far it is and until when it can be fetched. Its bytes lie in its pieces, sealed
    under a key of its own. It ends by an erasure: when its time is over, when it is revoked, and with anything it holds."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="exports")
    vault_node = models.UUIDField(unique=True)
    scope = models.CharField(max_length=10, choices=[(each.value, each.value) for each in ExportScope])
    tables = models.CharField(
        max_length=10, choices=[(each.value, each.value) for each in Tables], default=Tables.PARQUET.value
    )
    asked_by = models.CharField(max_length=20)  # as the audit record has it: an opaque id, or "operator"
    asked_with = models.CharField(
        max_length=20, default=""
    )  # the public id of the API key, where one was used
    state = models.CharField(
        max_length=10,
        choices=[(each.value, each.value) for each in ExportState],
        default=ExportState.QUEUED.value,
    )
    runs = models.PositiveIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)  # in the archive, so far
    weight = models.PositiveBigIntegerField(
        default=0
    )  # about how many bytes there are to be read, and were read
    weight_done = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)  # of the archive, so far
    asked_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True)  # the last time
    busy_until = models.DateTimeField(null=True)  # a worker is at it; past this moment it is taken for dead
    waits_until = models.DateTimeField(
        null=True
    )  # what it needs could not be had; no claim, so its page tells a pause from a try
    turn_at = models.DateTimeField(default=clock.now)  # who waits longest for a turn has the next
    tries = models.PositiveIntegerField(default=0)  # that broke off, one after the other
    trouble = models.CharField(max_length=60, default="")  # the kind of error that broke off the last try
    # Something in it cannot be read though other files can: since when, and how often it was tried. Beyond an hour it is left out.
    unread_since = models.DateTimeField(null=True)
    unread_tries = models.PositiveIntegerField(default=0)
    has_record = models.BooleanField(default=False)  # what is for admins alone is in it
    erased_at = models.DateTimeField(null=True)  # from then on no door finds it
    erasure_job = models.UUIDField(null=True)

    objects: models.Manager[Export] = Present()
    everything: models.Manager[Export] = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="export_ready_with_its_times",
                condition=models.Q(
                    state=ExportState.READY.value, ready_at__isnull=False, expires_at__isnull=False
                )
                | (~models.Q(state=ExportState.READY.value) & models.Q(ready_at=None)),
            ),
            models.CheckConstraint(
                name="export_erased_by_a_job",
                condition=models.Q(erased_at=None, erasure_job=None)
                | models.Q(erased_at__isnull=False, erasure_job__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["entity", "-id"], name="exports_of_entity"),
            models.Index(fields=["asked_by", "-id"], name="exports_of_asker"),
            models.Index(fields=["state", "turn_at"], name="exports_in_line"),
            models.Index(
                fields=["erasure_job"],
                condition=models.Q(erasure_job__isnull=False),
                name="exports_of_erasure",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class ExportPiece(models.Model):
    """A stretch of an archive, written at one go: all of them one after the other are the archive."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    blob = models.OneToOneField(Blob, on_delete=models.PROTECT, related_name="export_piece")
    size = models.PositiveBigIntegerField()
    sealed_entries = models.BinaryField()  # which files lie where in it, and what was left out
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="one_export_piece_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.export_id}/{self.number}"


class ExportItem(models.Model):
    """One thing, or a stretch of it, that an export holds; without a piece it is still to be written."""

    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="items")
    kind = models.CharField(max_length=10, choices=[(each.value, each.value) for each in ItemKind])
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, null=True, related_name="export_items")
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, null=True, related_name="+")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, null=True, related_name="export_items")
    first = models.PositiveBigIntegerField(default=0)  # of a stretch: rows of files, or places in a list
    last = models.PositiveBigIntegerField(default=0)
    weight = models.PositiveBigIntegerField(default=0)
    piece = models.ForeignKey(ExportPiece, on_delete=models.CASCADE, null=True, related_name="items")

    class Meta:
        indexes = [
            models.Index(
                fields=["export", "id"], condition=models.Q(piece=None), name="export_items_to_be_written"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
