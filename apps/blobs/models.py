from __future__ import annotations

import secrets

from django.db import models


class BlobState(models.TextChoices):
    UPLOADING = "uploading"  # its bytes may be half there: never served
    STORED = "stored"
    LEAVING = "leaving"  # being deleted: the key goes first, this row last


def new_object_name() -> str:
    """128 random bits: the store learns nothing from the name, and no two objects meet."""
    return secrets.token_hex(16)


class Blob(models.Model):
    """One sealed file in the store. Its key is granted to its owners by the vault; whoever uses it has a foreign key here."""

    object_name = models.CharField(max_length=32, unique=True, default=new_object_name)
    vault_node = models.UUIDField(unique=True)
    state = models.CharField(max_length=10, choices=BlobState.choices, default=BlobState.UPLOADING)
    plain_size = models.BigIntegerField(null=True)
    stored_size = models.BigIntegerField(null=True)
    part_count = models.PositiveIntegerField(default=0)  # of one that came in parts: its bytes lie in theirs
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="blobs_blob_sizes_known_when_stored",
                condition=~models.Q(state=BlobState.STORED)
                | models.Q(plain_size__isnull=False, stored_size__isnull=False),
            ),
        ]
        indexes = [models.Index(name="blobs_blob_state_created", fields=["state", "created_at"])]

    def __str__(self) -> str:
        return self.object_name


class BlobPart(models.Model):
    """A stretch of a blob that comes in parts: an object of its own, sealed under the blob's key at this number."""

    blob = models.ForeignKey(Blob, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    is_last = models.BooleanField()
    digest_index = models.BinaryField(max_length=16)  # of its MD5, under the blob's own key
    object_name = models.CharField(max_length=32, unique=True)
    plain_size = models.BigIntegerField()
    stored_size = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["blob", "number"], name="blobs_one_part_per_number")]

    def __str__(self) -> str:
        return self.object_name
