"""The keys of blobs: no place in the tree, but one wrapped copy for each owner."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from uuid import UUID, uuid4

from django.db import transaction

from apps.core import clock
from apps.vault.errors import KeyGone
from apps.vault.keys import OpenKey, opened_keys
from apps.vault.models import Grant, Node
from apps.vault.rows import DATABASE, Rows, lock_and_read
from apps.vault.types import NodeId
from apps.vault.wraps import SECRET_BYTES, grant_place, unwrap, wrap


def create_blob_key(owner: NodeId) -> NodeId:
    """Make the key of a new blob and grant it to its first owner; durable on return."""
    blob_id, content_id, secret = NodeId(uuid4()), uuid4(), os.urandom(SECRET_BYTES)
    with transaction.atomic(using=DATABASE, durable=True):
        _add_grant(blob_id, owner, content_id, secret)
    opened_keys().granted[blob_id, owner] = OpenKey(blob_id, content_id.bytes, secret)
    return blob_id


def open_blob_key(blob: NodeId, owner: NodeId) -> OpenKey:
    """The blob's key by way of one of its owners; KeyGone when that owner has no grant (any more)."""
    try:
        return open_blob_keys([blob], owner)[blob]
    except KeyError:
        raise KeyGone(blob) from None


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


def grant(blob: NodeId, from_owner: NodeId, to_owner: NodeId) -> None:
    """Let a second owner open the blob. KeyGone when the first cannot: the last grant may just have gone."""
    with transaction.atomic(using=DATABASE, durable=True):
        rows = lock_and_read(from_owner)
        found = next(iter(_grants([blob], from_owner)), None)
        if found is None:
            raise KeyGone(blob)
        if Grant.objects.filter(blob_id=blob, owner_id=to_owner).exists():
            return
        _add_grant(blob, to_owner, found.content_id, open_grant(found, rows))


def discard_blob_key(blob: NodeId) -> None:
    """Take away every grant of a blob: from now on nobody can open it. Doing it again is allowed."""
    discard_blob_keys([blob])


def discard_blob_keys(blobs: Collection[NodeId]) -> None:
    """The same for several blobs, in one transaction."""
    with transaction.atomic(using=DATABASE, durable=True):
        grants = Grant.objects.filter(blob_id__in=blobs)
        held = set(grants.values_list("blob_id", "owner_id"))
        Node.objects.filter(pk__in={owner for _, owner in held}).update(dirty_at=clock.now())
        grants.delete()
    for blob, owner in held:
        opened_keys().granted.pop((NodeId(blob), NodeId(owner)), None)


def _grants(blobs: Collection[NodeId], owner: NodeId) -> Iterable[Grant]:
    for some in _batches(list(blobs)):
        yield from Grant.objects.filter(owner_id=owner, blob_id__in=some)


def _batches(blobs: list[NodeId], size: int = 10_000) -> Iterable[list[NodeId]]:
    return (blobs[start : start + size] for start in range(0, len(blobs), size))


def _add_grant(blob: NodeId, owner: NodeId, content_id: UUID, secret: bytes) -> None:
    lies_under, above = lock_and_read(owner).newest_wrap(owner)
    place = grant_place(blob.hex, owner.hex, lies_under, content_id.hex)
    Grant.objects.create(
        blob_id=blob,
        owner_id=owner,
        lies_under=UUID(lies_under),
        content_id=content_id,
        secret=wrap(above, secret, place),
        created_at=clock.now(),
    )


def open_grant(found: Grant, rows: Rows) -> bytes:
    """The blob's secret, by way of the owner that is among `rows`."""
    above = rows.wrap_of(NodeId(found.owner_id), found.lies_under.hex)
    place = grant_place(found.blob_id.hex, found.owner_id.hex, found.lies_under.hex, found.content_id.hex)
    return unwrap(above, bytes(found.secret), place, node_id=found.blob_id.hex)
