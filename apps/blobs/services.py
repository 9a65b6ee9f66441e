"""Writing, reading and deleting sealed files.

Order: the key, then the row (`uploading`), then the bytes, then `stored`. Backwards when deleting. Whatever breaks
off between two of these is never served and is found by the sweep. None of it may run inside a transaction: a key
or an object cannot be rolled back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import BinaryIO

from django.db import DatabaseError, transaction
from django.db.models import Model

from apps.blobs.models import Blob, BlobPart, BlobState, new_object_name
from apps.blobs.objects import drop_object, put_sealed
from apps.blobs.parts import PartedFile
from apps.blobs.sealed_file import LABEL, SealedFile
from apps.blobs.store import default_store
from apps.blobs.tally import Tally
from apps.blobs.together import note_filled
from apps.blobs.types import Freed, StoredBlob
from apps.core import clock
from apps.core.errors import Conflict, NotFound
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.tree import (
    create_blob_key,
    create_blob_keys,
    discard_blob_key,
    discard_blob_keys,
    keys_in_use,
    open_blob_key,
)
from apps.vault.types import NodeId

__all__ = [
    "StoredBlob",
    "delete_blob",
    "delete_with_rows",
    "discard_keys_of",
    "fill_blob",
    "open_blob",
    "pointed_at",
    "read_blob",
    "reserve_blobs",
    "write_blob",
]

_OBJECTS_AT_ONCE = 200
log = logging.getLogger(__name__)


def _quiet() -> None:
    """Nobody is told."""


def write_blob(
    owner: NodeId, source: BinaryIO | Iterable[bytes], *, max_bytes: int | None = None
) -> StoredBlob:
    """Seal a stream of any length into the store; durable on return, and nothing of it is left when it breaks off.

    TooMuch past `max_bytes`; StoreFull when there is no room. The caller points a foreign key at the blob within
    a day: what nobody points at is swept.
    """
    tally = Tally(source, max_bytes=max_bytes)
    with keys_in_use():
        key_id = create_blob_key(owner)
        blob = _new_row(key_id)
        try:
            stored_size = _put(blob, blob.object_name, owner, tally)
        except BaseException:
            _abandon(blob)
            raise
    blob.state, blob.plain_size, blob.stored_size = BlobState.STORED, tally.size, stored_size
    blob.save(update_fields=["state", "plain_size", "stored_size"])
    return StoredBlob(blob=blob, size=tally.size, md5_b64=tally.md5_b64, sha256_hex=tally.sha256_hex)


def reserve_blobs(owner: NodeId, count: int) -> list[Blob]:
    """Room for many files at once: their keys by one commit, their rows by another. `fill_blob` then brings the bytes.

    The caller points foreign keys at them within a day; what is never filled is swept.
    """
    keys = create_blob_keys(owner, count)
    now = clock.now()
    with transaction.atomic():
        return Blob.objects.bulk_create(
            [Blob(vault_node=key, created_at=now) for key in keys], batch_size=500
        )


def fill_blob(
    blob: Blob, owner: NodeId, source: BinaryIO | Iterable[bytes], *, accepts: Callable[[Tally], None]
) -> None:
    """Seal the bytes for which there is room into the store; durable on return, and nothing is left when it breaks off.

    `accepts` looks at what came, its size and its MD5, and raises for what is not what was announced. A blob that was
    filled already stays as it is: sending again is allowed.
    """
    tally = Tally(source, wants_sha256=False)
    # Under a name of its own, so that two who send the same at once do not write into one another.
    name = new_object_name()
    try:
        stored_size = _put(blob, name, owner, tally)
        accepts(tally)
    except BaseException:
        drop_object(name)
        raise
    filled = copy(blob)
    filled.state, filled.object_name = BlobState.STORED, name
    filled.plain_size, filled.stored_size = tally.size, stored_size
    # An error here may come after all was done. Then a row names the object; if none does, the sweep takes it away.
    if not note_filled(filled) and not Blob.objects.filter(pk=blob.pk, object_name=name).exists():
        drop_object(name)


def _put(blob: Blob, name: str, owner: NodeId, tally: Tally) -> int:
    with keys_in_use():
        return put_sealed(name, open_blob_key(NodeId(blob.vault_node), owner), tally)


def read_blob(blob: Blob, owner: NodeId, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes from `start` up to `end`, in pieces. Key and header are opened now, before the first piece is asked for.

    A piece is authentic when it is given out; damage further on raises Tampered there, so an answer that was
    begun is broken off and never ends short in silence.
    """
    return _open(blob, owner).read(start, end)


def open_blob(blob: Blob, owner: NodeId) -> BinaryIO:
    """A seekable file that reads only the frames it is asked for."""
    return _open(blob, owner).as_io()


def delete_blob(blob: Blob) -> None:
    """Make the blob unreadable, then take its bytes and its row away. Conflict while a row still points at it.

    Doing it again is allowed; a deletion that breaks off is finished by the sweep.
    """
    with transaction.atomic(durable=True):
        if is_pointed_at(blob):
            raise Conflict("This stored file is still in use.")
        Blob.objects.filter(pk=blob.pk).update(state=BlobState.LEAVING)
    discard_blob_key(NodeId(blob.vault_node))
    _delete_objects([blob])
    Blob.objects.filter(pk=blob.pk).delete()


def delete_with_rows(
    rows: Sequence[Model],
    field: str,
    note: Callable[[Freed], object] | None = None,
    beat: Callable[[], None] = _quiet,
) -> None:
    """Take away these rows of one model, whose `field` points at a blob, and every blob that they alone point at.

    The rows go last, so that whoever is killed meanwhile finds the rest by them. Doing it again is allowed. `note` is called in the
    transaction that takes them, with what it took: what another process took first is in nobody's count twice. `beat` is called where
    there are more objects than go at once, and may raise, to leave the rest for later.
    """
    if not rows:
        return
    model, ids = type(rows[0]), [row.pk for row in rows]
    with transaction.atomic(durable=True):
        held = {getattr(row, f"{field}_id") for row in rows} - {None}
        found = list(Blob.objects.select_for_update().filter(pk__in=held).order_by("pk"))
        shared = pointed_at([blob.pk for blob in found], but={model: ids})
        ours = [blob for blob in found if blob.pk not in shared]
        Blob.objects.filter(pk__in=[blob.pk for blob in ours]).update(state=BlobState.LEAVING)
    discard_blob_keys([NodeId(blob.vault_node) for blob in ours])
    _delete_objects(ours, beat)
    with transaction.atomic(durable=True):
        gone, by_model = model._base_manager.filter(pk__in=ids).delete()
        left = Blob.objects.filter(pk__in=[blob.pk for blob in ours])
        sizes = left.select_for_update().order_by("pk").values_list("stored_size", flat=True)
        freed = Freed(gone, by_model.get(model._meta.label, 0), sum(size or 0 for size in sizes))
        left.delete()
        if note is not None:
            note(freed)


def _delete_objects(blobs: Sequence[Blob], beat: Callable[[], None] = _quiet) -> None:
    """Some at a time: one blob may have thousands of parts. A part whose object is gone is forgotten, so that whoever breaks off does not
    begin again with it."""
    parts = BlobPart.objects.filter(blob__in=[blob.pk for blob in blobs]).order_by("pk")
    names = [blob.object_name for blob in blobs]
    room = max(1, _OBJECTS_AT_ONCE - len(names))
    while True:
        found = dict(parts.values_list("pk", "object_name")[:room])
        default_store().delete_all_versions(*names, *found.values())
        BlobPart.objects.filter(pk__in=found).delete()
        if len(found) < room:
            return
        names, room = [], _OBJECTS_AT_ONCE
        beat()


def discard_keys_of(rows: Sequence[Model], field: str) -> None:
    """Make unreadable, at once, what these rows of one model alone point at. The bytes are left to `delete_with_rows`."""
    if not rows:
        return
    held = [getattr(row, f"{field}_id") for row in rows]
    blobs = Blob.objects.filter(pk__in=[each for each in held if each is not None])
    nodes = dict(blobs.values_list("pk", "vault_node"))
    shared = pointed_at(list(nodes), but={type(rows[0]): [row.pk for row in rows]})
    discard_blob_keys([NodeId(node) for pk, node in nodes.items() if pk not in shared])


def is_pointed_at(blob: Blob) -> bool:
    """Whether any row of any app has a foreign key to this blob."""
    return bool(pointed_at([blob.pk]))


def pointed_at(
    blobs: Collection[int], *, but: Mapping[type[Model], Collection[int]] | None = None
) -> set[int]:
    """Those of these blobs that rows of any app point at, other than these rows."""
    found: set[int] = set()
    for model, name in users_of_blobs():
        users = model._base_manager.filter(**{f"{name}__in": blobs}).exclude(
            pk__in=(but or {}).get(model, ())
        )
        found |= set(users.values_list(f"{name}_id", flat=True))
    return found


def users_of_blobs() -> list[tuple[type[Model], str]]:
    """Every model that uses blobs, and by which field. Parts are of a blob, and go with it."""
    relations = Blob._meta.related_objects
    return [(each.related_model, each.field.name) for each in relations if each.related_model is not BlobPart]


def _open(blob: Blob, owner: NodeId) -> SealedFile | PartedFile:
    if blob.state != BlobState.STORED or blob.stored_size is None:
        raise NotFound("This file is not stored.")
    key = open_blob_key(NodeId(blob.vault_node), owner)
    if blob.part_count:
        return _open_parts(blob, key)
    store, name = default_store(), blob.object_name
    return SealedFile(
        key,
        lambda start, end: store.read_range(name, start, end),
        stored_size=blob.stored_size,
        row=blob.vault_node,
    )


def _open_parts(blob: Blob, key: OpenKey) -> PartedFile:
    parts = list(BlobPart.objects.filter(blob=blob).order_by("number"))
    file = PartedFile(key, parts, row=blob)
    if (len(parts), file.size) != (blob.part_count, blob.plain_size):
        raise Tampered(LABEL, blob.vault_node)
    return file


def _new_row(key_id: NodeId) -> Blob:
    with transaction.atomic(durable=True):
        return Blob.objects.create(vault_node=key_id, created_at=clock.now())


def _abandon(blob: Blob) -> None:
    """Clear away a broken-off upload at once. If that fails too (a full disk), the sweep does it."""
    try:
        delete_blob(blob)
    except (OSError, DatabaseError) as error:
        log.warning("broken-off upload left to the sweep: blob=%s error=%s", blob.pk, type(error).__name__)
