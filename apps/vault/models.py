"""The vault's tables, in a database of their own (alias `vault`).

Ids point at other rows without foreign keys: erasing a subtree is deleting the one row at its top,
and what lay below is noise from then on, whenever its rows are cleared away.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.core import clock
from apps.vault.types import ROOT_ID, EpochState, NodeKind


class Node(models.Model):
    """One key of the tree: a wrap secret (for what lies below) and a content secret, both wrapped under the parent's.

    `secrets` holds the pair, `lies_under` names the wrap secret that opens it (for the root: its generation,
    as a number). The `next_` columns hold the pair that replaces it during an epoch or a partial erasure;
    children follow their own `lies_under`, so both are good until the last child has moved. `lies_under` has no index of its
    own: what lies under a node are its children, and PostgreSQL writes a row in its place while no index has to follow
    (docs/adr/0250).
    """

    id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in NodeKind])
    parent_id = models.UUIDField(null=True, db_index=True)
    lies_under = models.UUIDField()
    wrap_id = models.UUIDField()
    content_id = models.UUIDField()
    secrets = models.BinaryField()
    next_wrap_id = models.UUIDField(null=True)
    next_content_id = models.UUIDField(null=True)
    next_secrets = models.BinaryField(null=True)
    dirty_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="vault_node_root_alone_has_no_parent",
                condition=Q(kind=NodeKind.ROOT.value, id=ROOT_ID, parent_id=None)
                | (~Q(kind=NodeKind.ROOT.value) & ~Q(id=ROOT_ID) & Q(parent_id__isnull=False)),
            ),
            models.CheckConstraint(
                name="vault_node_next_is_whole_or_absent",
                condition=Q(next_wrap_id=None, next_content_id=None, next_secrets=None)
                | Q(next_wrap_id__isnull=False, next_content_id__isnull=False, next_secrets__isnull=False),
            ),
        ]
        indexes = [
            models.Index(name="vault_node_dirty", fields=["dirty_at"], condition=Q(dirty_at__isnull=False)),
            models.Index(name="vault_node_kind_created", fields=["kind", "created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Grant(models.Model):
    """A blob's content secret, wrapped for one of its owners. With its last grant a blob is gone."""

    blob_id = models.UUIDField()
    owner_id = models.UUIDField(db_index=True)
    lies_under = models.UUIDField()
    content_id = models.UUIDField()
    secret = models.BinaryField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="vault_grant_one_per_owner", fields=["blob_id", "owner_id"])
        ]

    def __str__(self) -> str:
        return f"{self.blob_id} for {self.owner_id}"


class Tombstone(models.Model):
    """That a node was erased. Written with the deletion of its key; its id and name are never used again below `scope_id`."""

    node_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in NodeKind])
    scope_id = models.UUIDField()
    name_index = models.BinaryField(null=True)
    erased_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="vault_tombstone_name", fields=["scope_id", "name_index"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.node_id}"


class Waiting(models.Model):
    """An erasure that was asked for and can still be taken back. No key has gone, so nothing else here tells of it to a main
    database that is put back from before it was asked for."""

    job = models.CharField(max_length=20, primary_key=True)  # by its public id
    scope = models.CharField(max_length=10)
    asked_by = models.CharField(max_length=20)
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    things = models.TextField()  # what it closed, by public ids with spaces between

    def __str__(self) -> str:
        return self.job


class Head(models.Model):
    """How far a chain of records that lies in the main database had come, and the digest of its last link."""

    name = models.CharField(max_length=20, primary_key=True)
    number = models.PositiveBigIntegerField()
    sha256_hex = models.CharField(max_length=64)
    mac_hex = models.CharField(max_length=64)
    kept_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Epoch(models.Model):
    """One renewal of the keys above whatever was taken away. At most one waits and one runs; numbers only rise."""

    number = models.BigAutoField(primary_key=True)
    state = models.CharField(
        max_length=8,
        choices=[(each.value, each.value) for each in EpochState],
        default=EpochState.WAITING.value,
    )
    asked_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)  # a worker is at it; past this moment it is taken for dead
    generation = models.PositiveIntegerField(null=True)  # of the root key, afterwards
    renewed = models.PositiveBigIntegerField(default=0)  # nodes that were given a new wrap secret
    rewrapped = models.PositiveBigIntegerField(default=0)  # secrets below them, wrapped anew
    marks_until = models.DateTimeField(null=True)  # the last mark it took that stands at no node any more
    finished_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    trouble = models.CharField(max_length=60, default="")  # the kind of error that broke off the last try
    broken_at = models.DateTimeField(
        null=True
    )  # since when it is broken off, however often it was tried again
    alarmed_at = models.DateTimeField(null=True)  # when operators were last told

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="vault_epoch_one_in_each_state",
                fields=["state"],
                condition=Q(state__in=[EpochState.WAITING.value, EpochState.RUNNING.value]),
            ),
            models.CheckConstraint(
                name="vault_epoch_finished_at_its_end",
                condition=Q(state=EpochState.DONE.value, finished_at__isnull=False)
                | (~Q(state=EpochState.DONE.value) & Q(finished_at=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"epoch {self.number}"


class Receipt(models.Model):
    """That an erasure came to its end: a statement of ids, counts and times, and its place in the chain of them all."""

    number = models.PositiveBigIntegerField(primary_key=True)
    job = models.CharField(max_length=20, unique=True)
    statement = models.TextField()  # canonical JSON
    statement_sha256_hex = models.CharField(max_length=64)
    previous_sha256_hex = models.CharField(max_length=64, unique=True)
    key_b64 = models.CharField(max_length=44)  # the public key it is checked against
    signature_b64 = models.CharField(max_length=88)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.number)
