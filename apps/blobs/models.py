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
