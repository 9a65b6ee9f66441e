"""The pieces of an archive as streams of bytes: some items at one go, and at the end what leads to all of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from django.db.models import Model

from apps.accounts.actors import Actor
from apps.artifacts.models import Collection, Version
from apps.blobs.errors import ObjectMissing, StoreUnreachable
from apps.blobs.unread import is_one_alone
from apps.core import clock
from apps.core.errors import NotFound
from apps.core.pauses import MOST_UNREAD, is_lost
from apps.exports.contents import content_of
from apps.exports.ending import manifest, readme
from apps.exports.entries import entries_of
from apps.exports.errors import Unread
from apps.exports.models import Export, ExportItem
from apps.exports.types import ItemKind, LeftOut, Member, Tables
from apps.exports.zipping import Piece, directory, moved
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.vault.errors import KeyGone, Moved, Tampered

log = logging.getLogger(__name__)
# So much work a crash costs at most, beside one large file.
_PIECE_BYTES = 64 * 1024 * 1024
_PIECE_SECONDS = 4.0
_MORE_TRIES = 5  # of what the store has, and does not give: that may be one answer that was cut off
_GONE: dict[type[Exception], str] = {
    KeyGone: "erased",
    ObjectMissing: "damaged: its bytes are missing",
    StoreUnreachable: "damaged: its bytes cannot be read",
    NotFound: "erased",
    Tampered: "damaged",
}
_LEFT_OUT = tuple(_GONE)


class Writing:
    """A piece while it is written. Afterwards it knows which items are in it, what lies where, and what was left out."""

    def __init__(self, export: Export, asker: Actor, beat: Callable[[], None]) -> None:
        self._export, self._asker, self._beat = export, asker, beat
        since, tries, now = export.unread_since, export.unread_tries, clock.now()
        self.is_patient = not is_lost(since, tries, now)
        self._is_patient_with_errors = not is_lost(since, tries, now, most=MOST_UNREAD + _MORE_TRIES)
        self._judged: Exception | None = None
        self.piece = Piece()
        self.left_out: list[LeftOut] = []
        self.done: list[ExportItem] = []

    def items(self, items: Iterable[ExportItem]) -> Iterator[bytes]:
        """As many of these as there is room and time for, at least one."""
        ends = time.monotonic() + _PIECE_SECONDS
        for item in items:
            yield from self._item(item)
            self.done.append(item)
            if self.piece.size > _PIECE_BYTES or time.monotonic() > ends:
                return

    def ending(self) -> Iterator[bytes]:
        """The last piece: what a person reads first, the list of all files, and the directory."""
        start = self._export.size
        for member in (readme(self._export), manifest(self._export, self.piece.entries)):
            yield from self._whole(member)
        own = [moved(entry, start) for entry in reversed(self.piece.entries)]
        yield from directory(chain(own, entries_of(self._export)), start + self.piece.size)

    def _item(self, item: ExportItem) -> Iterator[bytes]:
        try:
            for content in content_of(item, Tables(self._export.tables), self._asker):
                if isinstance(content, LeftOut):
                    self.left_out.append(content)
                else:
                    yield from self._member(content)
        except _LEFT_OUT as error:
            self._leave_out(_named(item), error)

    def _member(self, member: Member) -> Iterator[bytes]:
        try:
            yield from self._whole(member)
        except _LEFT_OUT as error:
            self._leave_out(member.path, error)

    def _whole(self, member: Member) -> Iterator[bytes]:
        for data in self.piece.write(member):
            self._beat()
            yield data

    def _leave_out(self, path: str, error: Exception) -> None:
        """One thing that cannot be read keeps nobody from all the others."""
        if isinstance(error, Moved):  # an epoch went by: asked again it is there
            raise error
        if error is self._judged:  # of one file: nothing more is left out for it
            raise error
        if isinstance(error, ObjectMissing | StoreUnreachable):
            self._wait_for_bytes(error)
        log.warning("left out of an export: export=%s error=%s", self._export.pk, type(error).__name__)
        self.left_out.append(
            LeftOut(path, next(why for kind, why in _GONE.items() if isinstance(error, kind)))
        )

    def _wait_for_bytes(self, error: ObjectMissing | StoreUnreachable) -> None:
        """A store that has nothing else either is away, and is waited for; one thing alone that cannot be read is, for a while."""
        self._beat()  # it may have been waited for, and the others may be too
        if not is_one_alone(error):
            if isinstance(error, StoreUnreachable):
                self._judged = error
                raise error
            self._judged = StoreUnreachable("The store has none of the files that are asked for.")
            raise self._judged from error
        if self.is_patient or (self._is_patient_with_errors and isinstance(error, StoreUnreachable)):
            raise Unread from error


def _named(item: ExportItem) -> str:
    """A thing whose name cannot be read, by the id under which its owner finds it."""
    of: tuple[type[Model], int | None] = {
        ItemKind.PROJECT: (Project, item.project_id),
        ItemKind.RUN: (Run, item.run_id),
        ItemKind.FILES: (Run, item.run_id),
        ItemKind.COLLECTION: (Collection, item.collection_id),
        ItemKind.VERSION: (Version, item.version_id),
    }.get(ItemKind(item.kind), (Entity, item.export.entity_id))
    ids = of[0]._default_manager.filter(pk=of[1]).values_list("public_id", flat=True)
    return " ".join([item.kind, *ids])
