from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models

from apps.blobs.models import Blob
from apps.core import clock
from apps.core.ids import new_public_id
from apps.erasure.types import Cause, Scope, Step, Trace
from apps.runs.models import Run, Segment
from apps.teams.models import Entity

_OVER = sorted(each.value for each in Step.over())


class ErasureJob(models.Model):
    """That something is to be erased, and how far it has come. Names nothing: what it erases names the job (`erasure_job`)."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    scope = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Scope])
    cause = models.CharField(
        max_length=10, choices=[(each.value, each.value) for each in Cause], default=Cause.ASKED.value
    )
    entity = models.ForeignKey(Entity, on_delete=models.CASCADE, related_name="erasures")
    asked_by = models.CharField(max_length=20)  # as the audit record has it: an opaque id, or "system"
    step = models.CharField(
        max_length=10, choices=[(each.value, each.value) for each in Step], default=Step.SHRED.value
    )  # the one to be taken next
    asked = models.PositiveIntegerField()  # how many things somebody pointed at
    runs = models.PositiveIntegerField(default=0)  # gone so far
    files = models.PositiveIntegerField(default=0)
    versions = models.PositiveIntegerField(default=0)  # of artifacts
    values = models.PositiveBigIntegerField(default=0)  # of the history of a run that stays
    rows = models.PositiveBigIntegerField(default=0)
    stored_bytes = models.PositiveBigIntegerField(default=0)
    asked_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(null=True)  # until then it can be taken back; nothing: it never could
    # The epoch after which no earlier copy of the vault opens what this job erased.
    epoch = models.PositiveBigIntegerField(null=True)
    proof = models.JSONField(default=dict)  # what the proof asked each store for, in numbers
    cleared = models.JSONField(default=dict)  # how names that stood in the clear were cleared away, and when
    # When each step was behind it.
    shredded_at = models.DateTimeField(null=True)
    bytes_gone_at = models.DateTimeField(null=True)
    rows_gone_at = models.DateTimeField(null=True)
    proven_at = models.DateTimeField(null=True)
    renewed_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)  # a worker is at it; past this moment it is taken for dead
    tries = models.PositiveIntegerField(default=0)
    trouble = models.CharField(max_length=60, default="")  # the kind of error that broke off the last try
    alarmed_at = models.DateTimeField(null=True)  # when operators were last told that it is late

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="erasure_done_at_its_end",
                condition=models.Q(step__in=_OVER, done_at__isnull=False)
                | (~models.Q(step__in=_OVER) & models.Q(done_at=None)),
            ),
            models.CheckConstraint(
                name="erasure_waits_for_a_moment",
                condition=~models.Q(step__in=[Step.WAIT.value, Step.TAKEN_BACK.value])
                | models.Q(due_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["entity", "-id"], name="erasures_of_entity"),
            models.Index(fields=["id"], condition=models.Q(done_at=None), name="erasures_not_done"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def begins_at(self) -> datetime:
        """From when the promise counts in how much time it is gone."""
        return self.due_at or self.asked_at


class PartErasure(models.Model):
    """That parts of a run are erased, the run being closed meanwhile: which, and the run's other key.

    Before the exchange that is the key the run is going to have, afterwards the one it had, which is destroyed. Which parts it
    is lies under the key that the run had, and goes with it.
    """

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="part_erasures")
    erasure_job = models.UUIDField(unique=True)
    vault_node = models.UUIDField(unique=True, null=True)
    sealed_parts = models.BinaryField()
    exchanged_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.uuid)


class Rewritten(models.Model):
    """The other file of a segment: before the exchange the one without what is erased, afterwards the one with it, which is deleted."""

    part = models.ForeignKey(PartErasure, on_delete=models.CASCADE, related_name="rewritten")
    segment = models.ForeignKey(Segment, on_delete=models.SET_NULL, null=True, related_name="rewritten")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="rewritten")
    sealed_removed = models.BinaryField(null=True)  # what was taken out, under the key that the run had

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["part", "segment"], name="erasure_segment_rewritten_once")
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Remainder(models.Model):
    """A key or an object that a job deletes: the proof asks for it by this row, which goes when the job is done."""

    job = models.ForeignKey(ErasureJob, on_delete=models.CASCADE, related_name="remainders")
    kind = models.CharField(max_length=6, choices=[(each.value, each.value) for each in Trace])
    ident = models.UUIDField()  # the key's id, or the object's name
    # Of a key that leaves a tombstone: what it lay below when it was noted, by ids; nothing where that was not there any more.
    above = models.JSONField(null=True)
    gone_at = models.DateTimeField(null=True)  # when the store said that it has it no more
    is_kept = models.BooleanField(default=False)  # it is also somebody else's, and stays for them

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "kind", "ident"], name="erasure_remainder_noted_once")
        ]
        indexes = [
            models.Index(
                fields=["job", "kind", "id"], condition=models.Q(gone_at=None), name="erasure_not_proven"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ident}"


class WayBack(models.Model):
    """The link by which somebody takes their account back while it waits, who cannot sign in meanwhile; afterwards it leads to the
    receipt. Of its secret only the hash is kept, and it takes back once."""

    job = models.OneToOneField(ErasureJob, on_delete=models.CASCADE, related_name="way_back")
    secret_sha256_hex = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(default=clock.now)
    handed_at = models.DateTimeField(null=True)  # when a mail server took it, or an operator was given it
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)
