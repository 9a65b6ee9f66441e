"""Files that come in parts: each part an object of its own, all of them one blob once they are joined.

Nothing is copied then. A part is sealed under a key made of the blob's, of its number and of whether it is the last: it
opens at its own place only, and none can be left out at the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import BinaryIO

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.blobs.models import Blob, BlobPart, BlobState, new_object_name
from apps.blobs.objects import drop_object, put_sealed
from apps.blobs.sealed_file import LABEL, SealedFile, seekable
from apps.blobs.store import default_store
from apps.blobs.tally import Tally
from apps.core import clock
from apps.core.errors import Conflict, Invalid, Unavailable
from apps.core.rows import change_row
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index
from apps.vault.tree import keys_in_use, open_blob_key
from apps.vault.types import NodeId

__all__ = ["PartedFile", "drop_parts", "drop_surplus_part", "join_parts", "store_part", "surplus_parts"]

_DIGEST_LABEL = "blob_part.md5"
_JOINED = ("state", "plain_size", "stored_size", "part_count")
_joining: set[int] = set()
_guard = threading.Lock()


def store_part(
    blob: Blob, owner: NodeId, source: BinaryIO | Iterable[bytes], *, number: int, is_last: bool, md5_b64: str
) -> None:
    """Seal one part of a blob for which there is room; durable on return, and nothing is left when it breaks off.

    Invalid when the bytes have another MD5. A part sent again takes the place of the one before; what was joined stays.
    """
    tally = Tally(source, wants_sha256=False)
    name = new_object_name()
    with keys_in_use():
        key = open_blob_key(NodeId(blob.vault_node), owner)
        try:
            stored_size = put_sealed(name, _part_key(key, number, is_last=is_last), tally)
            if tally.md5_b64 != md5_b64:
                raise Invalid(
                    _("The bytes that came are not those that were announced: their MD5 is another.")
                )
            part = BlobPart(
                blob=blob,
                number=number,
                is_last=is_last,
                digest_index=blind_index(key, _DIGEST_LABEL, md5_b64),
                object_name=name,
                plain_size=tally.size,
                stored_size=stored_size,
                created_at=clock.now(),
            )
        except BaseException:
            drop_object(name)
            raise
    try:
        replaced = _note(part)
    except Conflict:
        # Said before anything was written. After an error of the database a row may name the object.
        drop_object(name)
        raise
    for each in replaced:
        drop_object(each)


def _note(part: BlobPart) -> list[str]:
    """Take the part in. The names of the objects that no row names any more."""
    with transaction.atomic():
        state = _locked_state(part.blob)
        if state == BlobState.STORED:
            return [part.object_name]
        if state != BlobState.UPLOADING:
            raise Conflict(_("This upload has ended."))
        before = BlobPart.objects.filter(blob=part.blob, number=part.number)
        replaced = list(before.values_list("object_name", flat=True))
        before.delete()
        part.save(force_insert=True)
    return replaced


def _locked_state(blob: Blob) -> str | None:
    return Blob.objects.select_for_update().filter(pk=blob.pk).values_list("state", flat=True).first()


def join_parts(
    blob: Blob, owner: NodeId, md5s_b64: Sequence[str], *, accepts: Callable[[Tally], None]
) -> None:
    """Make a blob of its parts, which have these MD5s in this order. Invalid where one has not come or is another.

    All of it is read once, so that `accepts` sees the MD5 of the whole, and raises for what was not announced. Joining
    again is allowed; Unavailable while it is being done, which takes long for a very large file.
    """
    with _alone(blob), keys_in_use():
        key = open_blob_key(NodeId(blob.vault_node), owner)
        parts = _asked_for(blob, key, md5s_b64)
        file = PartedFile(key, parts, row=blob)
        tally = Tally(file.read(), wants_sha256=False)
        with tally:
            for _piece in tally:
                pass
        accepts(tally)
        joined = copy(blob)
        joined.state, joined.part_count = BlobState.STORED, len(parts)
        joined.plain_size, joined.stored_size = file.size, sum(part.stored_size for part in parts)
        surplus = _publish(joined, parts)
    for name in surplus:
        drop_object(name)


@contextmanager
def _alone(blob: Blob) -> Iterator[None]:
    """A client that waited too long asks again while the first question is still being worked on."""
    with _guard:
        if blob.pk in _joining:
            raise Unavailable(_("The parts of this file are just being put together. Ask again."))
        _joining.add(blob.pk)
    try:
        yield
    finally:
        with _guard:
            _joining.discard(blob.pk)


def _asked_for(blob: Blob, key: OpenKey, md5s_b64: Sequence[str]) -> list[BlobPart]:
    found = {part.number: part for part in BlobPart.objects.filter(blob=blob)}
    parts = []
    for number, md5 in enumerate(md5s_b64, 1):
        part = found.get(number)
        if part is None:
            raise Invalid(_("Part %(n)d of this file has not come.") % {"n": number})
        fits = bytes(part.digest_index) == blind_index(key, _DIGEST_LABEL, md5)
        if not fits or part.is_last != (number == len(md5s_b64)):
            raise Invalid(_("Part %(n)d of this file is another than was sent.") % {"n": number})
        parts.append(part)
    if not parts:
        raise Invalid(_("A file that comes in parts has at least one."))
    return parts


def _publish(joined: Blob, parts: Sequence[BlobPart]) -> list[str]:
    """All or nothing, and only if what was read is what is there still. The names of objects that are in no part of it."""
    with transaction.atomic():
        if _locked_state(joined) == BlobState.STORED:
            return []
        there = dict(BlobPart.objects.filter(blob=joined).values_list("pk", "object_name"))
        wanted = {part.pk for part in parts}
        if not wanted <= there.keys() or not change_row(joined, _JOINED, was={"state": BlobState.UPLOADING}):
            raise Unavailable(_("A part of this file has just come again. Ask again."))
        surplus = there.keys() - wanted
        BlobPart.objects.filter(pk__in=surplus).delete()
    return [there[pk] for pk in surplus]


def drop_parts(blob: Blob) -> None:
    """Forget what has come of a blob that is not joined. Doing it again is allowed."""
    with transaction.atomic():
        if _locked_state(blob) != BlobState.UPLOADING:
            return
        rows = BlobPart.objects.filter(blob=blob)
        names = list(rows.values_list("object_name", flat=True))
        rows.delete()
    for name in names:
        drop_object(name)


def surplus_parts() -> QuerySet[BlobPart]:
    """Parts of blobs that were then sent whole.

    Nobody reads them, and none comes to a blob that is stored. A PUT does not look for them: there are next to none.
    """
    return BlobPart.objects.filter(blob__state=BlobState.STORED, blob__part_count=0)


def drop_surplus_part(part: BlobPart) -> None:
    """The row goes last: whoever is killed meanwhile finds the rest by it."""
    default_store().delete_all_versions(part.object_name)
    BlobPart.objects.filter(pk=part.pk).delete()


class PartedFile:
    """A blob that came in parts, opened as one file. A part is opened when it is reached."""

    def __init__(self, key: OpenKey, parts: Sequence[BlobPart], *, row: Blob) -> None:
        self._key = key
        self._parts = parts
        self._row = row.vault_node
        self.size = sum(part.plain_size for part in parts)
        if [part.number for part in parts] != list(range(1, len(parts) + 1)):
            raise Tampered(LABEL, self._row)

    def read(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The plain bytes from `start` up to `end`, in pieces; reads only the frames they lie in."""
        end = self.size if end is None else min(end, self.size)
        position = 0
        for part in self._parts:
            first, after = max(start - position, 0), min(end - position, part.plain_size)
            if first < after:
                yield from self._open(part).read(first, after)
            position += part.plain_size

    def as_io(self) -> BinaryIO:
        """A seekable binary file, the size of each part proved first."""
        for part in self._parts:
            self._open(part).require_whole()
        return seekable(self)

    def _open(self, part: BlobPart) -> SealedFile:
        store, name = default_store(), part.object_name
        opened = SealedFile(
            _part_key(self._key, part.number, is_last=part.number == len(self._parts)),
            lambda start, end: store.read_range(name, start, end),
            stored_size=part.stored_size,
            row=self._row,
        )
        if opened.size != part.plain_size:
            raise Tampered(LABEL, self._row)
        return opened


def _part_key(key: OpenKey, number: int, *, is_last: bool) -> OpenKey:
    info = b"ownlog file part 1" + number.to_bytes(4, "big") + (b"\x01" if is_last else b"\x00")
    return OpenKey(key.node_id, key.key_id, HKDFExpand(SHA256(), 32, info).derive(key.data))
