"""The keys of blobs: no place in the tree, but one wrapped copy for each owner."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from uuid import UUID, uuid4

from django.db import transaction

from apps.core import clock
from apps.core.rows import find_row, find_rows
from apps.vault.errors import KeyGone
from apps.vault.keys import OpenKey, opened_keys
from apps.vault.models import Grant, Node
from apps.vault.rows import DATABASE, Rows, as_of_now, hold, lock_and_read, mark_dirty
from apps.vault.types import NodeId
from apps.vault.wraps import SECRET_BYTES, grant_place, unwrap, wrap


@as_of_now
def create_blob_key(owner: NodeId) -> NodeId:
    """Make the key of a new blob and grant it to its first owner; durable on return."""
    blob_id, content_id, secret = NodeId(uuid4()), uuid4(), os.urandom(SECRET_BYTES)
    with transaction.atomic(using=DATABASE, durable=True):
        _add_grant(blob_id, owner, content_id, secret)
    opened_keys().granted[blob_id, owner] = OpenKey(blob_id, content_id.bytes, secret)
    return blob_id


@as_of_now
def create_blob_keys(owner: NodeId, count: int) -> list[NodeId]:
    """Make the keys of many new blobs of one owner, by one commit; durable on return."""
    made = [(NodeId(uuid4()), uuid4(), os.urandom(SECRET_BYTES)) for _ in range(count)]
    with transaction.atomic(using=DATABASE, durable=True):
        _add_grants(owner, made)
    for blob_id, content_id, secret in made:
        opened_keys().granted[blob_id, owner] = OpenKey(blob_id, content_id.bytes, secret)
    return [blob_id for blob_id, _content_id, _secret in made]


def open_blob_key(blob: NodeId, owner: NodeId) -> OpenKey:
    """The blob's key by way of one of its owners; KeyGone when that owner has no grant (any more)."""
    try:
        return open_blob_keys([blob], owner)[blob]
    except KeyError:
        raise KeyGone(blob) from None


@as_of_now
def open_blob_keys(blobs: Collection[NodeId], owner: NodeId) -> dict[NodeId, OpenKey]:
    """The keys of any number of one owner's blobs, by two queries. Blobs without a grant to it are absent."""
    opened = opened_keys()
    wanted = set(blobs)
    if missing := [blob for blob in wanted if (blob, owner) not in opened.granted]:
        rows = Rows([owner], opened)
        for found in _grants(missing, owner):
            blob = NodeId(found.blob_id)
            opened.granted[blob, owner] = OpenKey(blob, found.content_id.bytes, open_grant(found, rows))
    return {blob: opened.granted[blob, owner] for blob in wanted if (blob, owner) in opened.granted}


@as_of_now
def open_blob_key_with(blob: NodeId, owner: NodeId, *nodes: NodeId) -> None:
    """Have the key of a blob and those of some nodes open for this block, by two questions; afterwards each costs none.

    KeyGone when the owner has no grant (any more), or when one of the nodes is gone.
    """
    opened = opened_keys()
    rows = Rows([owner, *nodes], opened)
    for node in nodes:
        opened.keys[node] = rows.open_key(node)
    found = find_row(Grant, blob_id=blob, owner_id=owner)
    if found is None:
        raise KeyGone(blob)
    opened.granted[blob, owner] = OpenKey(blob, found.content_id.bytes, open_grant(found, rows))


@as_of_now
def open_blob_keys_of(pairs: Collection[tuple[NodeId, NodeId]]) -> None:
    """Have the keys of these (blob, owner) open for this block, by two queries; afterwards each costs none."""
    opened = opened_keys()
    missing = {pair for pair in pairs if pair not in opened.granted}
    if not missing:
        return
    rows = Rows({owner for _, owner in missing}, opened)
    for some in _batches([blob for blob, _ in missing]):
        for found in Grant.objects.filter(blob_id__in=some):
            pair = NodeId(found.blob_id), NodeId(found.owner_id)
            if pair in missing:
                opened.granted[pair] = OpenKey(pair[0], found.content_id.bytes, open_grant(found, rows))


@as_of_now
def grant(blob: NodeId, from_owner: NodeId, to_owner: NodeId) -> None:
    """Let a second owner open the blob. KeyGone when the first cannot: the last grant may just have gone."""
    with transaction.atomic(using=DATABASE, durable=True):
        hold([from_owner, to_owner])
        rows = lock_and_read(from_owner)
        found = next(iter(_grants([blob], from_owner)), None)
        if found is None:
            raise KeyGone(blob)
        if Grant.objects.filter(blob_id=blob, owner_id=to_owner).exists():
            return
        _add_grant(blob, to_owner, found.content_id, open_grant(found, rows))


@as_of_now
def grant_all(pairs: Collection[tuple[NodeId, NodeId]], to_owner: NodeId) -> None:
    """Let an owner open many blobs, each by way of one that can: pairs of a blob and that owner. One commit.

    KeyGone when one of those can not (any more). What the new owner was granted already stays as it is.
    """
    known = {found.blob_id for found in _grants([blob for blob, _owner in pairs], to_owner)}
    wanted = {blob: owner for blob, owner in pairs if blob not in known}
    if not wanted:
        return
    with transaction.atomic(using=DATABASE, durable=True):
        # Held to the end: whoever erases one of them waits, and then sees who was granted what it held.
        owners = {*wanted.values(), to_owner}
        list(Node.objects.select_for_update().filter(pk__in=owners).order_by("pk").values_list("pk"))
        rows = Rows(set(wanted.values()), opened_keys())
        made = []
        for some in _batches(list(wanted)):
            for found in Grant.objects.filter(blob_id__in=some, owner_id__in=set(wanted.values())):
                blob = NodeId(found.blob_id)
                if wanted[blob] == found.owner_id:
                    made.append((blob, found.content_id, open_grant(found, rows)))
        if missing := set(wanted) - {blob for blob, _content_id, _secret in made}:
            raise KeyGone(next(iter(missing)))
        _add_grants(to_owner, made)


def owners_of(blobs: Collection[NodeId]) -> dict[NodeId, list[NodeId]]:
    """Who was granted each of these blobs; one whose last grant has gone is absent."""
    found: dict[NodeId, list[NodeId]] = {}
    for some in _batches(list(blobs)):
        for blob, owner in Grant.objects.filter(blob_id__in=some).values_list("blob_id", "owner_id"):
            found.setdefault(NodeId(blob), []).append(NodeId(owner))
    return found


def some_granted(owner: NodeId, count: int) -> list[NodeId]:
    """So many of the blobs that were granted to an owner, its own key being gone or not."""
    return [
        NodeId(blob)
        for blob in Grant.objects.filter(owner_id=owner).values_list("blob_id", flat=True)[:count]
    ]


def drop_grants(owner: NodeId, blobs: Collection[NodeId]) -> None:
    """Take these blobs from one of their owners. Doing it again is allowed."""
    with transaction.atomic(using=DATABASE, durable=True):
        # As for a deleted node: an old copy of the vault holds the rows until the owner is renewed or gone.
        mark_dirty([owner])
        for some in _batches(list(blobs)):
            Grant.objects.filter(owner_id=owner, blob_id__in=some).delete()
    for blob in blobs:
        opened_keys().granted.pop((blob, owner), None)


def discard_blob_key(blob: NodeId) -> None:
    """Take away every grant of a blob: from now on nobody can open it. Doing it again is allowed."""
    discard_blob_keys([blob])


def discard_blob_keys(blobs: Collection[NodeId]) -> None:
    """The same for several blobs, in one transaction."""
    with transaction.atomic(using=DATABASE, durable=True):
        held = set()
        # Again until none is left: whoever was just given one is marked too.
        while found := list(Grant.objects.filter(blob_id__in=blobs).values_list("pk", "blob_id", "owner_id")):
            mark_dirty({owner for _, _, owner in found})
            Grant.objects.filter(pk__in=[pk for pk, _, _ in found]).delete()
            held |= {(blob, owner) for _, blob, owner in found}
    for blob, owner in held:
        opened_keys().granted.pop((NodeId(blob), NodeId(owner)), None)


def _grants(blobs: Collection[NodeId], owner: NodeId) -> Iterable[Grant]:
    if len(blobs) == 1:
        yield from find_rows(Grant, blob_id=next(iter(blobs)), owner_id=owner)
        return
    for some in _batches(list(blobs)):
        yield from Grant.objects.filter(owner_id=owner, blob_id__in=some)


def _batches(blobs: list[NodeId], size: int = 10_000) -> Iterable[list[NodeId]]:
    return (blobs[start : start + size] for start in range(0, len(blobs), size))


def _add_grant(blob: NodeId, owner: NodeId, content_id: UUID, secret: bytes) -> None:
    _add_grants(owner, [(blob, content_id, secret)])


def _add_grants(owner: NodeId, made: Iterable[tuple[NodeId, UUID, bytes]]) -> None:
    lies_under, above = lock_and_read(owner).newest_wrap(owner)
    now = clock.now()
    rows = [
        Grant(
            blob_id=blob,
            owner_id=owner,
            lies_under=UUID(lies_under),
            content_id=content_id,
            secret=wrap(above, secret, grant_place(blob.hex, owner.hex, lies_under, content_id.hex)),
            created_at=now,
        )
        for blob, content_id, secret in made
    ]
    Grant.objects.bulk_create(rows, batch_size=500)


def open_grant(found: Grant, rows: Rows) -> bytes:
    """The blob's secret, by way of the owner that is among `rows`."""
    above = rows.wrap_of(NodeId(found.owner_id), found.lies_under.hex)
    place = grant_place(found.blob_id.hex, found.owner_id.hex, found.lies_under.hex, found.content_id.hex)
    return unwrap(above, bytes(found.secret), place, node_id=found.blob_id.hex)
