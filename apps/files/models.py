from __future__ import annotations

import uuid

from django.db import models

from apps.blobs.models import Blob
from apps.core import clock
from apps.core.ids import new_public_id
from apps.core.present import Present
from apps.files.types import Withheld
from apps.runs.models import Run


class RunFile(models.Model):
    """A file that a run uploaded, or has announced and not sent yet (then it has no blob)."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=20, unique=True, default=new_public_id, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="files")
    name_index = models.BinaryField(max_length=16)
    sealed_name = models.BinaryField()
    sealed_digests = models.BinaryField(null=True)
    is_code = models.BooleanField(null=True)  # by its name; null where nobody has looked yet
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="run_files")
    size = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)
    erased_at = models.DateTimeField(null=True)  # from then on no door finds it
    erasure_job = models.UUIDField(null=True)

    objects: models.Manager[RunFile] = Present()
    everything: models.Manager[RunFile] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "name_index"], name="one_file_per_name"),
            models.CheckConstraint(
                name="file_erased_by_a_job",
                condition=models.Q(erased_at=None, erasure_job=None)
                | models.Q(erased_at__isnull=False, erasure_job__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["erasure_job"], condition=models.Q(erasure_job__isnull=False), name="files_of_erasure"
            ),
            models.Index(fields=["updated_at"], name="files_by_change"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Thumbnail(models.Model):
    """A small picture of a file, or that one is due; tried and without a blob where none can be made."""

    file = models.OneToOneField(RunFile, on_delete=models.CASCADE, related_name="thumbnail")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, null=True, related_name="thumbnails")
    tried_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(tried_at=None), name="thumbnails_due")]

    def __str__(self) -> str:
        return str(self.pk)


class WithheldFile(models.Model):
    """A file that the client offered and that was not stored, so that the run page can say so."""

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="withheld_files")
    name_index = models.BinaryField(max_length=16)
    sealed_name = models.BinaryField()
    reason = models.CharField(max_length=20, choices=[(each.value, each.value) for each in Withheld])
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "name_index"], name="one_withheld_file_per_name")
        ]

    def __str__(self) -> str:
        return str(self.uuid)
