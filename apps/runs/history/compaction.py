"""From the many chunks of a run to few sealed Parquet files.

Each batch goes: read, write the file (key and bytes are durable), then one transaction that adds the segment and
drops exactly the chunks it holds. A crash before the transaction leaves the chunks and an orphaned file, which is
swept; two workers, an append or a rewind meanwhile: the transaction sees that its chunks are gone and gives up.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Count, Q, Sum

from apps.blobs.models import Blob
from apps.blobs.services import delete_blob, write_blob
from apps.runs.errors import BackSoon
from apps.runs.history import codec
from apps.runs.history.appending import HOT_BYTES
from apps.runs.history.console import LINES_IN_GROUP, NUMBER, TEXT
from apps.runs.history.lines import parse_payload, unpack_text
from apps.runs.history.paths import Row
from apps.runs.history.pieces import open_chunk, seal_facts
from apps.runs.history.reading import STEP
from apps.runs.models import Chunk, Run, Segment
from apps.runs.queries import run_key
from apps.runs.types import RunState, Stream
from apps.vault.errors import KeyGone, Tampered
from apps.vault.keys import OpenKey
from apps.vault.tree import keys_in_use
from apps.vault.types import NodeId

MOST_HOT_CHUNKS = 500
# Of the lines as they came: bounds what a worker holds in memory, and the size of a segment.
_BATCH_BYTES = 24 * 1024 * 1024
_BATCH_LINES = 250_000
_BYTES_AT_ONCE = 512 * 1024  # of these read, and made into columns, at a time
_MOST_AT_ONCE = 200
_DUE_AT_ONCE = 200


@dataclass(slots=True)
class _Batch:
    """Chunks of one writer that follow each other, opened."""

    stream: Stream
    writer: bytes
    chunks: list[int] = field(default_factory=list)
    payloads: list[tuple[int, bytes]] = field(default_factory=list)  # with the number of the first line
    size: int = 0
    lines: int = 0
    end: int | None = None

    def takes(self, chunk: Chunk) -> bool:
        follows = self.stream is Stream.OUTPUT or self.end in (None, chunk.first_line)
        has_room = self.size < _BATCH_BYTES and self.lines < _BATCH_LINES
        return has_room and bytes(chunk.writer) == self.writer and follows

    def add(self, chunk: Chunk, payload: bytes) -> None:
        self.chunks.append(chunk.pk)
        self.payloads.append((chunk.first_line, payload))
        self.size += len(payload)
        self.lines += chunk.line_count
        self.end = chunk.first_line + chunk.line_count


def compact(run: Run) -> int:
    """Turn the chunks that the run has now into segments. Returns how many segments were made; may run twice."""
    made = 0
    try:
        with keys_in_use():
            key = run_key(run)
            for stream in Stream:
                for batch in _batches(run, stream, key):
                    made += _compact_batch(run, key, batch)
    except (BackSoon, KeyGone, Tampered):
        # It may have been given another key since it was read; the sweep finds what is left. Else it is damaged.
        if Run.objects.filter(pk=run.pk, vault_node=run.vault_node).exists():
            raise
    return made


def is_full(run: Run) -> bool:
    """Whether so many lines wait as they came that a reader of them waits too long."""
    hot = Chunk.objects.filter(run=run).aggregate(size=Sum("stored_bytes"), count=Count("pk"))
    return (hot["size"] or 0) > HOT_BYTES or hot["count"] > MOST_HOT_CHUNKS


def due_runs() -> list[int]:
    """Runs whose chunks should be compacted: ended, or with many of them. The database alone is asked."""
    ended = Q(run__state__in=[state.value for state in RunState.closed()])
    much = Q(hot_bytes__gt=HOT_BYTES) | Q(hot_chunks__gt=MOST_HOT_CHUNKS)
    # Runs that are being erased are left to their eraser; among so many at once they would keep others waiting.
    hot = Chunk.objects.filter(run__erased_at=None).order_by().values("run_id")
    due = hot.filter(ended).distinct().values_list("run_id", flat=True)[:_DUE_AT_ONCE]
    full = hot.annotate(hot_bytes=Sum("stored_bytes"), hot_chunks=Count("pk")).filter(much)
    return sorted({*due, *full.values_list("run_id", flat=True)[:_DUE_AT_ONCE]})


def _batches(run: Run, stream: Stream, key: OpenKey) -> Iterator[_Batch]:
    """The stream's present chunks in batches. Console chunks in the order they came, the rest by line."""
    order = ("writer", "pk") if stream is Stream.OUTPUT else ("writer", "first_line")
    batch: _Batch | None = None
    stored = Chunk.objects.filter(run=run, stream=stream.value).order_by(*order)
    for ids in _some_ids(stored.values_list("pk", "stored_bytes")):
        there = Chunk.objects.in_bulk(ids)
        for pk in ids:
            chunk = there.pop(pk, None)
            if chunk is None:  # another worker was faster, or the run was rewound
                continue
            if batch is not None and not batch.takes(chunk):
                yield batch
                batch = None
            batch = batch or _Batch(stream, bytes(chunk.writer))
            batch.add(chunk, open_chunk(chunk, key))
    if batch is not None:
        yield batch


def _some_ids(stored: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """The ids in groups, each read by one question: a run that ends has a chunk for each second, all of them small."""
    ids: list[int] = []
    size = 0
    for pk, stored_bytes in list(stored):
        if ids and (len(ids) == _MOST_AT_ONCE or size + stored_bytes > _BYTES_AT_ONCE):
            yield ids
            ids, size = [], 0
        ids.append(pk)
        size += stored_bytes
    if ids:
        yield ids


def _compact_batch(run: Run, key: OpenKey, batch: _Batch) -> bool:
    segment = Segment(uuid=uuid.uuid4(), run=run, stream=batch.stream.value, writer=batch.writer)
    steps = _Steps()
    if batch.stream is Stream.OUTPUT:
        rows = _console_rows(batch)
        segment.first_line = rows[0][NUMBER]
        segment.line_count = rows[-1][NUMBER] - rows[0][NUMBER] + 1
        packed = codec.write(rows, rows_in_group=LINES_IN_GROUP)
    else:
        segment.first_line, segment.line_count = batch.payloads[0][0], batch.lines
        packed = codec.write_batches(steps.noted(rows) for rows in _some_rows(batch))
    seal_facts(segment, key, steps.facts())
    stored = write_blob(NodeId(run.vault_node), [packed])
    if _put_in_place(run, segment, stored.blob, batch.chunks):
        return True
    delete_blob(stored.blob)
    return False


def _put_in_place(run: Run, segment: Segment, blob: Blob, chunks: list[int]) -> bool:
    """Exchange the chunks for the segment, if they are all still there and the run still has the key that it was sealed under."""
    with transaction.atomic():
        held = Run.objects.select_for_update().filter(pk=run.pk, vault_node=run.vault_node)
        if not held.values_list("pk").first():
            return False
        waiting = Chunk.objects.filter(run=run, stream=segment.stream, writer=segment.writer)
        there = set(waiting.values_list("pk", flat=True))
        if not there.issuperset(chunks):
            return False
        # Of console lines the later word counts: no segment may come in before what was said earlier.
        if segment.stream == Stream.OUTPUT and min(there) < chunks[0]:
            return False
        segment.blob = blob
        segment.save(force_insert=True)
        for start in range(0, len(chunks), 500):
            Chunk.objects.filter(pk__in=chunks[start : start + 500]).delete()
        return True


def _some_rows(batch: _Batch) -> Iterator[list[Row]]:
    """The rows, some chunks' at a time: what was just made and is done with is quicker to hand than all of it at once."""
    waiting: list[bytes] = []
    for _, payload in batch.payloads:
        waiting.append(payload)
        if sum(map(len, waiting)) >= _BYTES_AT_ONCE:
            yield parse_payload(b"\n".join(waiting))
            waiting = []
    if waiting:
        yield parse_payload(b"\n".join(waiting))


def _console_rows(batch: _Batch) -> list[Row]:
    lines: dict[int, str] = {}
    for first, payload in batch.payloads:
        lines.update(enumerate(unpack_text(payload), first))
    return [{NUMBER: number, TEXT: lines[number]} for number in sorted(lines)]


class _Steps:
    """The range of the steps of rows that pass by."""

    def __init__(self) -> None:
        self._ends: list[int | float] = []
        self._is_whole = True

    def noted(self, rows: list[Row]) -> list[Row]:
        steps = [
            step
            for row in rows
            if isinstance(step := row.get(STEP), int | float) and not isinstance(step, bool) and step == step
        ]
        if steps:
            self._ends += [min(steps), max(steps)]
        self._is_whole = self._is_whole and len(steps) == len(rows)
        return rows

    def facts(self) -> dict[str, Any]:
        """The first and the last, if each row has one: then a reader may pass the segment by."""
        is_known = self._is_whole and self._ends
        return {"first_step": min(self._ends), "last_step": max(self._ends)} if is_known else {}
