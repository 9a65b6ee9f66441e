"""The first step of erasing parts of a run: what stays is made ready beside what is there, then all of it exchanged at once.

While the run is closed nobody else writes to it. Its history's files are written anew, each noted as soon as it is there; its other
files are granted to its new key; then one transaction seals the rest again, lets everything point at what is new, and opens the
run. Killed before that, the next worker goes on with what was noted; after it, the old key is what is left to be destroyed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.blobs.errors import ObjectMissing
from apps.blobs.models import Blob
from apps.blobs.services import delete_blob, open_blob, write_blob
from apps.core import clock
from apps.core.errors import NotFound
from apps.erasure.cuts import (
    CONFIG_FILE,
    SUMMARY_FILE,
    copies_in,
    files_named,
    files_of_summary,
    names_of_media,
    open_cut,
)
from apps.erasure.errors import NotYet
from apps.erasure.models import ErasureJob, PartErasure, Rewritten
from apps.erasure.plan import parts_of
from apps.erasure.types import Scope
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.errors import BackSoon
from apps.runs.history import codec
from apps.runs.history.codec import SegmentReader
from apps.runs.history.keys import KeyList
from apps.runs.history.lines import parse_payload
from apps.runs.history.paths import Row
from apps.runs.history.pieces import open_chunk
from apps.runs.models import Chunk, Run, Segment
from apps.runs.parts import PartKind, Removed, files_in
from apps.runs.queries import open_run
from apps.runs.resealing import reseal
from apps.runs.types import Stream
from apps.vault.damage import leaving_out_damaged
from apps.vault.errors import KeyGone, Moved, Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import seal, unseal
from apps.vault.tree import create_node, discard_node, grant_all, keys_in_use, open_key, owners_of
from apps.vault.types import NodeId, NodeKind

REMOVED_LABEL = "part_erasure.removed"
_ROWS_AT_ONCE = 5_000
_GRANTS_AT_ONCE = 200
_UNREADABLE = (Tampered, KeyGone, NotFound)
# Not for good: an epoch goes by, a volume is not mounted. What is so after this long and this many tries is damaged.
_MAY_PASS = (Moved, ObjectMissing)
_PASSES_WITHIN, _MOST_TRIES = timedelta(hours=1), 20
_STREAMS = (Stream.HISTORY, Stream.EVENTS)

Beat = Callable[[], None]


class CameInBetween(Exception):
    """Something of the run was not granted to its new key yet. The next try finds it."""


def exchange(job: ErasureJob, beat: Beat) -> None:
    """Give the job's run its new key and what stays of it, and open it again. Doing it again is allowed."""
    while (part := _of(job)) is not None and part.exchanged_at is None:
        if part.run.erasure_job != job.uuid:
            return  # put back from a backup, it is another job's by now
        try:
            with keys_in_use(), leaving_out_damaged():
                work = _Exchange(job, _with_node(part))
                work.make_ready(beat)
                work.carry_out()
        except (KeyGone, BackSoon):
            # Another worker may have taken this one for dead, been quicker, and destroyed the key that was read with here.
            if not PartErasure.objects.filter(pk=part.pk, exchanged_at=None).exists():
                continue
            if _closed_with(part.run) == (None, None):
                raise
            raise NotYet from None  # the key of its project is gone, and the run goes with that job's next steps


def _of(job: ErasureJob) -> PartErasure | None:
    found = PartErasure.objects.filter(erasure_job=job.uuid)
    return found.select_related("run__project").first()


def _closed_with(run: Run) -> tuple[datetime | None, UUID | None]:
    """Since when and for which job the run's project is closed, and the run with it."""
    return Project.everything.values_list("erased_at", "erasure_job").get(pk=run.project_id)


def _with_node(part: PartErasure) -> PartErasure:
    """With the key that the run is going to have: made first, then noted, and taken back where another worker was quicker."""
    if part.vault_node is not None:
        return part
    node = create_node(NodeKind.RUN, parent=NodeId(part.run.project.vault_node))
    if not PartErasure.objects.filter(pk=part.pk, vault_node=None).update(vault_node=node):
        discard_node(node)
    part.refresh_from_db(fields=["vault_node"])
    return part


@dataclass(slots=True)
class _Taken:
    """What was taken out, apart for what the list of keys counts and for what it does not."""

    history: Removed = field(default_factory=Removed)
    events: Removed = field(default_factory=Removed)

    def of(self, stream: Stream) -> Removed:
        return self.history if stream is Stream.HISTORY else self.events

    @property
    def count(self) -> int:
        return self.history.count + self.events.count


class _Exchange:
    """One job's run, as it is while it is closed."""

    def __init__(self, job: ErasureJob, part: PartErasure) -> None:
        assert part.vault_node is not None
        self.job, self.part, self.run = job, part, part.run
        self.old, self.new = NodeId(part.run.vault_node), NodeId(part.vault_node)
        self.cut = open_cut(part, open_key(self.old))
        self.damaged: set[int] = set()  # segments that cannot be read, and could hold what goes
        self.lost: set[NodeId] = set()  # blobs that the old key does not open: their own keys are damaged

    @cached_property
    def media(self) -> frozenset[str] | None:
        return names_of_media(self.run)

    # ── before ──

    def make_ready(self, beat: Beat) -> None:
        for segment in self._segments():
            try:
                self._rewrite(segment)
            except _UNREADABLE as error:
                if self._may_pass(error):
                    raise
                self.damaged.add(segment.pk)
            beat()
        while waiting := list(self._not_granted()):
            for start in range(0, len(waiting), _GRANTS_AT_ONCE):
                self._grant(waiting[start : start + _GRANTS_AT_ONCE])
                beat()

    def _grant(self, blobs: list[NodeId]) -> None:
        """To the new key, but for those that the old one does not open: nobody reads them, and they keep nobody out."""
        while blobs:
            try:
                grant_all([(blob, self.old) for blob in blobs], self.new)
            except Tampered as error:
                if error.row not in blobs:
                    raise
                self.lost.add(NodeId(error.row))
                blobs = [blob for blob in blobs if blob != error.row]
            else:
                return

    def _may_pass(self, error: Exception) -> bool:
        """Whether it may be there at the next try: what is taken for damaged is lost with the old key."""
        is_early = self.job.tries < _MOST_TRIES or clock.now() < self.job.asked_at + _PASSES_WITHIN
        return is_early and isinstance(error, _MAY_PASS)

    def _segments(self) -> Iterator[Segment]:
        """Those that may hold what goes and were not looked through yet."""
        rows = Segment.objects.filter(run=self.run, stream__in=[each.value for each in _STREAMS])
        rows = rows.exclude(rewritten__part=self.part).select_related("blob").order_by("pk")
        return (each for each in list(rows) if self.cut.goes_from(Stream(each.stream)) is not None)

    def _rewrite(self, segment: Segment) -> None:
        stream, removed = Stream(segment.stream), Removed()
        reader = SegmentReader(open_blob(segment.blob, self.old))
        names = self.cut.touches(stream, reader.paths, self.media)
        if not names:
            return
        for _ in self.cut.rows(stream, reader.rows(names), removed):
            pass
        if not removed.count:
            return
        rows = self.cut.rows(stream, reader.rows(), Removed())
        stored = write_blob(self.new, [codec.write_batches(_batches(rows))])
        self._note(segment, stored.blob, removed)

    def _note(self, segment: Segment, blob: Blob, removed: Removed) -> None:
        row = Rewritten(part=self.part, segment=segment, blob=blob)
        row.sealed_removed = seal(
            open_key(self.old), removed.to_bytes(), label=REMOVED_LABEL, row=self.part.uuid
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:  # another worker was quicker, or the run went with its project
            delete_blob(blob)

    def _not_granted(self) -> Iterator[NodeId]:
        """Blobs of what stays that the run's old key opens and its new one does not."""
        going = set(Rewritten.objects.filter(part=self.part).values_list("segment", flat=True)) | self.damaged
        for each in parts_of(Scope.RUNS):
            for name in each.blob_fields if each.model is not Rewritten else ():
                rows = each.model._default_manager.filter(**{each.lookup: self.run.pk})
                if each.model is Segment:
                    rows = rows.exclude(pk__in=going)
                nodes = [node for node in rows.values_list(f"{name}__vault_node", flat=True) if node]
                for blob, owners in owners_of([NodeId(node) for node in nodes]).items():
                    if self.old in owners and self.new not in owners and blob not in self.lost:
                        yield blob

    # ── the exchange ──

    def carry_out(self) -> None:
        removed = self._removed()
        going, shown = files_of_summary(self.run, self.cut)
        going |= removed.history.files
        if going:
            shown |= self._shown_by_what_stays()
        with transaction.atomic():
            # First, as whoever erases it or takes that back: with it the run is closed or opened.
            place = Project.everything.select_for_update(no_key=True).filter(pk=self.run.project_id)
            list(place.values_list("pk"))
            held = Run.everything.select_for_update().filter(pk=self.run.pk, erasure_job=self.job.uuid)
            run = held.filter(vault_node=self.old).first()
            if run is None:
                return  # erased with its project, or another worker was quicker
            if next(self._not_granted(), None) is not None:
                raise CameInBetween
            self._mark_files(run, going - shown)
            old, new = open_key(self.old), open_key(self.new)
            reseal(run, old, new, lines=self._lines, words=self._words(removed.history))
            self._exchange_files()
            self._open_again(run)
            ErasureJob.objects.filter(pk=self.job.pk).update(values=removed.count)

    def _removed(self) -> _Taken:
        """All that is taken out: of files, and of lines that wait as they came."""
        taken, key = _Taken(), open_key(self.old)
        noted = Rewritten.objects.filter(part=self.part, sealed_removed__isnull=False)
        for row in noted.select_related("segment"):
            held = unseal(key, row.sealed_removed or b"", label=REMOVED_LABEL, row=self.part.uuid)
            if row.segment is not None:
                taken.of(Stream(row.segment.stream)).add(Removed.from_bytes(held))
        for chunk, payload in self._chunks(key):
            stream = Stream(chunk.stream)
            self.cut.lines(stream, payload, taken.of(stream))
        return taken

    def _chunks(self, key: OpenKey) -> Iterator[tuple[Chunk, bytes]]:
        rows = Chunk.objects.filter(run=self.run, stream__in=[each.value for each in _STREAMS])
        for chunk in rows.order_by("pk").iterator(chunk_size=100):
            try:
                yield chunk, open_chunk(chunk, key)
            except Tampered:
                continue

    def _shown_by_what_stays(self) -> set[str]:
        """The files that the history will still show."""
        shown: set[str] = set()
        if self.media == frozenset():
            return shown
        rows = Segment.objects.filter(run=self.run, stream=Stream.HISTORY.value)
        for segment in rows.exclude(pk__in=self.damaged).select_related("blob"):
            shown |= self._shown_in(segment)
        for chunk, payload in self._chunks(open_key(self.old)):
            if chunk.stream == Stream.HISTORY.value:
                kept = self.cut.lines(Stream.HISTORY, payload, Removed())
                shown |= {name for row in parse_payload(kept) for name in files_in(row)}
        return shown

    def _shown_in(self, segment: Segment) -> set[str]:
        try:
            reader = SegmentReader(open_blob(segment.blob, self.old))
            rows = self.cut.rows(Stream.HISTORY, reader.rows(self.media), Removed())
            return {name for row in rows for name in files_in(row)}
        except _UNREADABLE as error:
            if self._may_pass(error):
                raise
            return set()

    def _mark_files(self, run: Run, going: set[str]) -> None:
        """Files that go are this job's from now on. Their names are not sealed again, and go with the key."""
        ids = files_named(run, {*going, *self.cut.names(PartKind.MEDIA), *self._copies(run)})
        for start in range(0, len(ids), 500):
            rows = list(
                RunFile.objects.select_for_update(of=("self",))
                .filter(pk__in=ids[start : start + 500])
                .order_by("pk")
            )
            for row in rows:
                row.erased_at, row.erasure_job = self.job.asked_at, self.job.uuid
                row.name_index = secrets.token_bytes(16)  # the name is free
            RunFile.everything.bulk_update(rows, ["erased_at", "erasure_job", "name_index"], batch_size=100)

    def _copies(self, run: Run) -> tuple[str, ...]:
        try:
            return copies_in(open_run(run), self.cut)
        except Tampered:  # nobody can tell what the config said
            return (SUMMARY_FILE, CONFIG_FILE)

    def _lines(self, chunk: Chunk, payload: bytes) -> bytes:
        return self.cut.lines(Stream(chunk.stream), payload, Removed())

    def _words(self, removed: Removed) -> dict[str, Callable[[bytes], bytes]]:
        def keys(text: bytes) -> bytes:
            return self.cut.keys(KeyList.from_text(text), removed).to_text()

        return {"sealed_summary": self.cut.summary, "sealed_config": self.cut.config, "sealed_keys": keys}

    def _exchange_files(self) -> None:
        """Segments point at what was written anew, and what was noted at what they had, which the next step deletes."""
        rows = list(Rewritten.objects.filter(part=self.part, segment__isnull=False).select_related("segment"))
        fresh = {row.pk: row.blob_id for row in rows}
        for row in rows:
            if row.segment is None:
                continue
            before = row.segment.blob_id
            Rewritten.objects.filter(pk=row.pk).update(blob=before, sealed_removed=None)
            Segment.objects.filter(pk=row.segment.pk).update(blob=fresh[row.pk])

    def _open_again(self, run: Run) -> None:
        now = clock.now()
        run.vault_node, run.renewed_at, run.version = self.new, now, run.version + 1
        run.erased_at, run.erasure_job = _closed_with(run)
        run.is_back_soon = False
        run.save()
        PartErasure.objects.filter(pk=self.part.pk).update(vault_node=self.old, exchanged_at=now)


def node_to_destroy(job: ErasureJob) -> NodeId | None:
    """The key that the job's run had; None before the exchange, or when all went with the project."""
    part = PartErasure.objects.filter(erasure_job=job.uuid, exchanged_at__isnull=False).first()
    return None if part is None or part.vault_node is None else NodeId(part.vault_node)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        yield batch
