"""Keys whose owner's row was never committed: the process died between the vault and the main database.

Any model that owns a key names it in a field `vault_node`; that convention is how owners are found here.
A sweep deletes keys, so in doubt it does nothing: when most keys of a kind look ownerless, the main database is
the wrong or an older one, and it is the operator who has to look.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.apps import apps
from django.db.models import Model

from apps.core.errors import Conflict
from apps.vault.grants import discard_blob_key
from apps.vault.models import Grant, Node, Tombstone
from apps.vault.tree import discard_node
from apps.vault.types import NodeId, NodeKind

log = logging.getLogger(__name__)

_OWNERLESS = frozenset({NodeKind.ROOT, NodeKind.OPERATOR})  # the instance's own: no row names them
_FEW = 20
_BATCH = 1_000


def sweep_orphans(*, before: datetime) -> int:
    """Discard keys made before then that nothing owns. Returns how many."""
    swept = 0
    for kind in NodeKind:
        try:
            orphans = find_orphans(kind, before=before)
        except Conflict as error:
            log.error("%s", error.message)
            continue
        for orphan in orphans:
            (discard_blob_key if kind == NodeKind.BLOB else discard_node)(orphan)
        swept += len(orphans)
    return swept


def find_orphans(kind: NodeKind, *, before: datetime) -> list[NodeId]:
    """Some keys of one kind that no row owns and under which nothing lies. Conflict when they are too many to believe."""
    if kind in _OWNERLESS:
        return []
    made, orphans = 0, list[UUID]()
    for batch in _batches(_made_before(kind, before)):
        made += len(batch)
        orphans += batch - _owned(batch)
    if len(orphans) > max(_FEW, made // 10):
        raise Conflict(
            f"{len(orphans)} of {made} {kind} keys have no row in the main database. Is it the right one, and the "
            f"newest? Nothing was swept."
        )
    some = orphans[:_BATCH]
    parents = set(Node.objects.filter(parent_id__in=some).values_list("parent_id", flat=True))
    parents |= set(Grant.objects.filter(owner_id__in=some).values_list("owner_id", flat=True))
    return [NodeId(orphan) for orphan in some if orphan not in parents]


def count_keyless() -> dict[str, int]:
    """The other way round: how many rows of each model name a key that is not there, though nobody erased it."""
    counts = {model._meta.label: sum(map(len, _keyless(model))) for model in _owners()}
    return {label: count for label, count in counts.items() if count}


def _keyless(model: type[Model]) -> Iterator[set[UUID]]:
    rows = model._base_manager.exclude(vault_node=None).order_by("pk").values_list("vault_node", flat=True)
    for batch in _batches(rows.iterator()):
        there = set(Node.objects.filter(pk__in=batch).values_list("pk", flat=True))
        if left := batch - there:
            there |= set(Grant.objects.filter(blob_id__in=left).values_list("blob_id", flat=True))
            there |= set(Tombstone.objects.filter(pk__in=left).values_list("pk", flat=True))
        yield batch - there


def _made_before(kind: NodeKind, before: datetime) -> Iterator[UUID]:
    if kind == NodeKind.BLOB:
        grants = Grant.objects.filter(created_at__lt=before)
        return grants.values_list("blob_id", flat=True).distinct().iterator()
    return Node.objects.filter(kind=kind, created_at__lt=before).values_list("pk", flat=True).iterator()


def _batches(ids: Iterator[UUID]) -> Iterator[set[UUID]]:
    while batch := set(islice(ids, _BATCH)):
        yield batch


def _owned(node_ids: Collection[UUID]) -> set[UUID]:
    return {
        node_id
        for model in _owners()
        for node_id in model._base_manager.filter(vault_node__in=node_ids).values_list(
            "vault_node", flat=True
        )
    }


def _owners() -> list[type[Model]]:
    return [
        model
        for model in apps.get_models()
        if any(field.name == "vault_node" for field in model._meta.fields)
    ]
