"""The key tree: made here, opened here, and nothing outside this app ever sees a wrapped key."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID, uuid4

from django.db import transaction

from apps.core import clock
from apps.vault.damage import leave_out
from apps.vault.epochs import demand
from apps.vault.errors import KeyGone, Moved, Tampered
from apps.vault.grants import (
    create_blob_key,
    create_blob_keys,
    discard_blob_key,
    discard_blob_keys,
    drop_grants,
    grant,
    grant_all,
    open_blob_key,
    open_blob_key_with,
    open_blob_keys,
    open_blob_keys_of,
    owners_of,
    some_granted,
)
from apps.vault.keys import OpenKey, keys_in_use, opened_keys
from apps.vault.models import Grant, Node, Tombstone
from apps.vault.rows import DATABASE, Rows, as_of_now, lock_and_read, mark_dirty
from apps.vault.types import OPERATOR_ID, PARENTS, ROOT_ID, NodeId, NodeKind
from apps.vault.wraps import SECRET_BYTES, node_place, wrap

__all__ = [
    "create_blob_key",
    "create_blob_keys",
    "create_node",
    "discard_blob_key",
    "discard_blob_keys",
    "discard_node",
    "drop_grants",
    "erase_node",
    "erase_nodes",
    "forget_nodes",
    "grant",
    "grant_all",
    "is_name_erased",
    "keys_in_use",
    "open_blob_key",
    "open_blob_key_with",
    "open_blob_keys",
    "open_blob_keys_of",
    "open_key",
    "open_keys",
    "operator_node",
    "owners_of",
    "some_granted",
]


def create_node(kind: NodeKind, *, parent: NodeId | None) -> NodeId:
    """Make the key of something new below `parent` (None: the root); durable on return, before the caller's own row.

    Call it outside any transaction on the vault. If the caller's row is then never written, `discard_node`
    or the sweep takes the key away again.
    """
    return _add_node(NodeId(uuid4()), kind, ROOT_ID if parent is None else parent)


def operator_node() -> NodeId:
    """The node below which lies what people write to the operators; made when it is first asked for."""
    if not Node.objects.filter(pk=OPERATOR_ID).exists():
        _add_node(OPERATOR_ID, NodeKind.OPERATOR, ROOT_ID)
    return OPERATOR_ID


@as_of_now
def _add_node(node_id: NodeId, kind: NodeKind, parent: NodeId) -> NodeId:
    wrap_id, content_id = uuid4(), uuid4()
    pair = os.urandom(2 * SECRET_BYTES)
    with transaction.atomic(using=DATABASE, durable=True):
        rows = lock_and_read(parent)
        if rows.kind_of(parent) not in PARENTS[kind]:
            raise ValueError(f"A {kind} key cannot lie below a {rows.kind_of(parent)} key.")
        if node_id == OPERATOR_ID and Node.objects.filter(pk=node_id).exists():
            return node_id  # somebody was quicker; their parent's row is held here, so both see the same one
        lies_under, above = rows.newest_wrap(parent)
        place = node_place(node_id.hex, kind, parent.hex, lies_under, wrap_id.hex, content_id.hex)
        Node.objects.create(
            id=node_id,
            kind=kind,
            parent_id=parent,
            lies_under=UUID(lies_under),
            wrap_id=wrap_id,
            content_id=content_id,
            secrets=wrap(above, pair, place),
            created_at=clock.now(),
        )
    opened_keys().keys[node_id] = OpenKey(node_id, content_id.bytes, pair[SECRET_BYTES:])
    return node_id


@as_of_now
def open_key(node_id: NodeId) -> OpenKey:
    """The key of one node; KeyGone when it, or a key above it, was erased."""
    opened = opened_keys()
    key = opened.keys.get(node_id)
    if key is None:
        key = opened.keys[node_id] = Rows([node_id], opened).open_key(node_id)
    return key


@as_of_now
def open_keys(node_ids: Iterable[NodeId]) -> dict[NodeId, OpenKey]:
    """The keys of any number of nodes, by one query. Nodes whose key is gone are absent from the answer."""
    opened = opened_keys()
    wanted = set(node_ids)
    # Not `wanted - opened.keys.keys()`: that looks at each key that is open, however few are wanted.
    if missing := [node_id for node_id in wanted if node_id not in opened.keys]:
        rows = Rows(missing, opened)
        for node_id in missing:
            try:
                opened.keys[node_id] = rows.open_key(node_id)
            except KeyGone:
                continue
            except Moved:
                raise
            except Tampered as error:
                leave_out(error)
    return {node_id: opened.keys[node_id] for node_id in wanted if node_id in opened.keys}


def discard_node(node_id: NodeId) -> None:
    """Take away a just-made key whose row was never committed. Doing it again is allowed."""
    with transaction.atomic(using=DATABASE, durable=True):
        _delete_rows(Node.objects.filter(pk=node_id).exclude(pk=ROOT_ID))
    opened_keys().keys.pop(node_id, None)


def erase_node(node_id: NodeId) -> None:
    """Destroy a key: what was sealed under it, and under all keys below it, opens nowhere from now on.

    The tombstone goes with it, so that its id is never used again. Doing it again is allowed.
    """
    erase_nodes({node_id: None})


def erase_nodes(name_indexes: Mapping[NodeId, bytes | None]) -> int:
    """Destroy these keys in one transaction; how many there were. Doing it again is allowed.

    With a blind index the tombstone keeps the name too: `is_name_erased` then says that it was used and erased. An epoch
    is asked for, after which no old copy of the vault opens them either.
    """
    with transaction.atomic(using=DATABASE, durable=True):
        nodes = list(
            Node.objects.select_for_update()
            .filter(pk__in=list(name_indexes))
            .exclude(pk=ROOT_ID)
            .order_by("pk")
        )
        now = clock.now()
        Tombstone.objects.bulk_create(
            Tombstone(
                node_id=node.pk,
                kind=node.kind,
                scope_id=node.parent_id or ROOT_ID,
                name_index=name_indexes[NodeId(node.pk)],
                erased_at=now,
            )
            for node in nodes
        )
        _delete_rows(nodes)
    for node_id in name_indexes:
        opened_keys().keys.pop(node_id, None)
    if nodes:
        demand()
    return len(nodes)


def is_name_erased(scope: NodeId, name_index: bytes) -> bool:
    """Whether something of this name was erased below `scope`: such a name is never used again there."""
    return Tombstone.objects.filter(scope_id=scope, name_index=name_index).exists()


def forget_nodes(node_ids: Collection[NodeId]) -> None:
    """Clear away the rows of keys that can open nothing any more, theirs or one above them being erased, with the
    grants they held."""
    with transaction.atomic(using=DATABASE, durable=True):
        # Nodes before grants, as everybody does: a backup holds the two tables in this order.
        _delete_rows(Node.objects.filter(pk__in=node_ids).exclude(pk=ROOT_ID).order_by("pk"))
        Grant.objects.filter(owner_id__in=node_ids).delete()
    for node_id in node_ids:
        opened_keys().keys.pop(node_id, None)


def _delete_rows(nodes: Iterable[Node]) -> None:
    # The deleted rows may live on in old copies of the vault: the next epoch has to renew their former parents.
    former = [(node.pk, node.parent_id) for node in nodes]
    mark_dirty({parent for _, parent in former if parent})
    Node.objects.filter(pk__in=[pk for pk, _ in former]).delete()
