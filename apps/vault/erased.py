"""What the vault knows of erasures: it keeps that when the main database is put back from a backup."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.db.models import Max

from apps.vault.models import Epoch, Tombstone
from apps.vault.types import NodeId, NodeKind


def last_erased_at() -> datetime | None:
    """When a key was last erased, or an epoch asked for: what is erased without a tombstone asks for one."""
    found = [
        Tombstone.objects.aggregate(Max("erased_at"))["erased_at__max"],
        Epoch.objects.aggregate(Max("asked_at"))["asked_at__max"],
    ]
    return max((each for each in found if each is not None), default=None)


def erased_nodes(kind: NodeKind, at_once: int) -> Iterator[list[NodeId]]:
    """All keys of this kind that were ever erased, so many at once."""
    ids = Tombstone.objects.filter(kind=kind).order_by("pk").values_list("node_id", flat=True).iterator()
    while some := [NodeId(each) for each in islice(ids, at_once)]:
        yield some
