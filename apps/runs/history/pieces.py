"""A stream as readers meet it: pieces of it in order, whether compacted or still as they came."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from django.db.models import BigIntegerField, ExpressionWrapper, F, Q, QuerySet
from django.utils.translation import gettext as _

from apps.blobs.services import open_blob
from apps.core.errors import Unavailable
from apps.runs.history.codec import SegmentReader, numbers_in
from apps.runs.history.lines import parse_line, unpack
from apps.runs.history.paths import MISSING, Row, pick
from apps.runs.models import Chunk, Run, Segment
from apps.runs.queries import run_key, why_gone
from apps.runs.types import Stream
from apps.vault.errors import KeyGone, Tampered
from apps.vault.seal import seal, unseal
from apps.vault.tree import open_blob_keys_of, open_keys
from apps.vault.types import NodeId

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from apps.vault.keys import OpenKey

    Floats = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

# Its type is said: of two numbers of different sizes Django takes the smaller, and PostgreSQL finds nothing beyond that.
AFTER_LAST_LINE = ExpressionWrapper(F("first_line") + F("line_count"), output_field=BigIntegerField())

CHUNK_LABEL = "chunk.payload"
FACTS_LABEL = "segment.facts"
SEGMENT_LABEL = "segment"
_ASKED_AT_ONCE = 50  # positions of runs in one question: databases bound how long one may be
_Stored = TypeVar("_Stored", Chunk, Segment)


class Piece(Protocol):
    """Lines of one writer that follow each other."""

    stored: Chunk | Segment
    writer: bytes
    first_line: int
    line_count: int

    def rows(self, names: frozenset[str] | None = None, places: Sequence[int] | None = None) -> Iterator[Row]:
        """The rows, or at least the parts of them that the dotted names need, at all or at the given places."""

    def numbers(self, *names: str) -> list[tuple[Mask, Floats]]:
        """Of each metric, for each row whether it has a number there, and which."""

    def has(self, name: str) -> Mask:
        """For each row whether it has anything under this dotted name."""

    def may_hold(self, first_step: float | None, last_step: float | None) -> bool:
        """False when no step of the piece lies in the range."""

    def ends_by(self, last_step: float) -> bool:
        """True only when no step of the piece is later."""


class ChunkPiece:
    """Lines as they came."""

    def __init__(self, chunk: Chunk, key: OpenKey) -> None:
        self.writer = bytes(chunk.writer)
        self.first_line = chunk.first_line
        self.line_count = chunk.line_count
        self.stored: Chunk | Segment = chunk
        self._chunk, self._key = chunk, key

    @cached_property
    def lines(self) -> list[bytes]:
        return unpack(open_chunk(self._chunk, self._key))

    @cached_property
    def _rows(self) -> list[Row]:
        return [parse_line(line) for line in self.lines]

    def rows(self, names: frozenset[str] | None = None, places: Sequence[int] | None = None) -> Iterator[Row]:
        if places is None:
            return iter(self._rows)
        return (self._rows[place] for place in places)

    def numbers(self, *names: str) -> list[tuple[Mask, Floats]]:
        return [numbers_in(self._rows, name) for name in names]

    def has(self, name: str) -> Mask:
        import numpy as np

        return np.asarray([pick(row, name) is not MISSING for row in self._rows], np.bool_)

    def may_hold(self, first_step: float | None, last_step: float | None) -> bool:
        return True

    def ends_by(self, last_step: float) -> bool:
        ((there, steps),) = self.numbers("_step")
        return bool(there.all() and (steps <= last_step).all())


class SegmentPiece:
    """Lines after compaction; the file is opened only when something of it is needed."""

    def __init__(self, segment: Segment, run: Run, key: OpenKey) -> None:
        self.writer = bytes(segment.writer)
        self.first_line = segment.first_line
        self.line_count = segment.line_count
        self.stored: Chunk | Segment = segment
        self._segment, self._run, self._key = segment, run, key

    @cached_property
    def reader(self) -> SegmentReader:
        return open_segment(self._segment, self._run)

    @cached_property
    def facts(self) -> dict[str, Any]:
        if self._segment.sealed_facts is None:
            return {}
        sealed = bytes(self._segment.sealed_facts)
        facts: dict[str, Any] = json.loads(
            unseal(self._key, sealed, label=FACTS_LABEL, row=self._segment.uuid)
        )
        return facts

    def rows(self, names: frozenset[str] | None = None, places: Sequence[int] | None = None) -> Iterator[Row]:
        return self.reader.rows(names, places)

    def numbers(self, *names: str) -> list[tuple[Mask, Floats]]:
        return self.reader.numbers(*names)

    def has(self, name: str) -> Mask:
        return self.reader.has(name)

    def may_hold(self, first_step: float | None, last_step: float | None) -> bool:
        lowest, highest = self.facts.get("first_step"), self.facts.get("last_step")
        if lowest is None or highest is None:
            return True
        return (first_step is None or highest >= first_step) and (last_step is None or lowest <= last_step)

    def ends_by(self, last_step: float) -> bool:
        highest = self.facts.get("last_step")
        return highest is not None and bool(highest <= last_step)


def pieces_of(run: Run, stream: Stream, *, after: dict[bytes, int] | None = None) -> list[Piece]:
    """The pieces of a stream by writer and line; with `after`, only those with lines from there on."""
    # Chunks first: what a worker compacts between the two questions then shows up twice, never not at all.
    chunks = list(_from(after, Chunk.objects.filter(run=run, stream=stream.value)))
    segments = list(_from(after, Segment.objects.filter(run=run, stream=stream.value).select_related("blob")))
    key = run_key(run)
    _open_files_of({run.pk: run}, segments)
    return _assembled(run, key, chunks, segments)


def pieces_of_runs(
    runs: Sequence[Run], stream: Stream, *, after: Mapping[int, dict[bytes, int]] | None = None
) -> dict[int, list[Piece]]:
    """The pieces of many runs by the run's key, by as many queries as for one. Runs whose key is erased are absent.

    Call it inside `keys_in_use`, or each file asks for its key again.
    """
    keys = open_keys(NodeId(run.vault_node) for run in runs)
    chunks, segments = defaultdict[int, list[Chunk]](list), defaultdict[int, list[Segment]](list)
    for chunk in _of_runs(Chunk.objects.filter(stream=stream.value), runs, after):
        chunks[chunk.run_id].append(chunk)
    for segment in _of_runs(Segment.objects.filter(stream=stream.value).select_related("blob"), runs, after):
        segments[segment.run_id].append(segment)
    _open_files_of({run.pk: run for run in runs}, [one for of in segments.values() for one in of])
    return {
        run.pk: _assembled(run, key, chunks[run.pk], segments[run.pk])
        for run in runs
        if (key := keys.get(NodeId(run.vault_node))) is not None
    }


def _open_files_of(runs: Mapping[int, Run], segments: Iterable[Segment]) -> None:
    """Ask for the keys of all these files at once: one after the other each would cost two questions."""
    open_blob_keys_of(
        [(NodeId(one.blob.vault_node), NodeId(runs[one.run_id].vault_node)) for one in segments]
    )


def _assembled(run: Run, key: OpenKey, chunks: Iterable[Chunk], segments: Iterable[Segment]) -> list[Piece]:
    pieces: list[Piece] = [SegmentPiece(segment, run, key) for segment in segments]
    covered = [(piece.writer, piece.first_line, piece.first_line + piece.line_count) for piece in pieces]
    pieces += [ChunkPiece(chunk, key) for chunk in chunks if not _is_covered(chunk, covered)]
    return sorted(pieces, key=lambda piece: (piece.writer, piece.first_line))


def _of_runs(
    found: QuerySet[_Stored], runs: Sequence[Run], after: Mapping[int, dict[bytes, int]] | None
) -> Iterator[_Stored]:
    if after is None:
        yield from found.filter(run__in=runs)
        return
    found = found.annotate(end=AFTER_LAST_LINE)
    for start in range(0, len(runs), _ASKED_AT_ONCE):
        wanted = Q()
        for run in runs[start : start + _ASKED_AT_ONCE]:
            wanted |= Q(run=run) & _beyond(after.get(run.pk, {}))
        yield from found.filter(wanted)


def _from(after: dict[bytes, int] | None, found: QuerySet[_Stored]) -> QuerySet[_Stored]:
    """Those that end after the line up to which a reader has each writer's lines; of writers it does not know, all."""
    if not after:
        return found
    return found.annotate(end=AFTER_LAST_LINE).filter(_beyond(after))


def _beyond(after: Mapping[bytes, int]) -> Q:
    known = Q()
    for writer, line in after.items():
        known |= Q(writer=writer, end__gt=line)
    return known | ~Q(writer__in=list(after))


def _is_covered(chunk: Chunk, covered: list[tuple[bytes, int, int]]) -> bool:
    writer, first, end = bytes(chunk.writer), chunk.first_line, chunk.first_line + chunk.line_count
    return any(writer == of and start <= first and end <= stop for of, start, stop in covered)


def open_segment(segment: Segment, run: Run) -> SegmentReader:
    """Its file. One of which the key is missing is damaged, unless it went with what was erased or was written anew since."""
    try:
        return SegmentReader(open_blob(segment.blob, NodeId(run.vault_node)))
    except KeyGone as error:
        why = why_gone(run, error)
        if isinstance(why, Tampered):
            if not Segment.objects.filter(pk=segment.pk, blob=segment.blob_id).exists():
                raise Unavailable(
                    _("The history of this run is being written anew just now. Try again.")
                ) from error
            why = Tampered(SEGMENT_LABEL, segment.uuid)
        raise why from error


def seal_chunk(chunk: Chunk, key: OpenKey, payload: bytes) -> None:
    """Fill a new chunk; where it stands is part of what is sealed."""
    chunk.payload = seal(key, payload, label=CHUNK_LABEL, row=chunk.uuid, place=_place(chunk))
    chunk.stored_bytes = len(chunk.payload)


def open_chunk(chunk: Chunk, key: OpenKey) -> bytes:
    return unseal(key, bytes(chunk.payload), label=CHUNK_LABEL, row=chunk.uuid, place=_place(chunk))


def seal_facts(segment: Segment, key: OpenKey, facts: dict[str, Any]) -> None:
    segment.sealed_facts = seal(key, json.dumps(facts).encode(), label=FACTS_LABEL, row=segment.uuid)


def _place(chunk: Chunk) -> bytes:
    return b"%s:%s:%d:%d" % (
        chunk.stream.encode(),
        bytes(chunk.writer).hex().encode(),
        chunk.first_line,
        chunk.line_count,
    )
