"""Going back and branching off: the two acts that change what a history already holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from django.db import transaction

from apps.core import background, jsontext
from apps.runs.history.appending import FORKED, new_chunk, read_keys, seal_keys
from apps.runs.history.keys import KeyList
from apps.runs.history.paths import Row
from apps.runs.history.pieces import Piece, pieces_of
from apps.runs.history.reading import rows_of, scan
from apps.runs.models import Chunk, Run, Segment, StreamPosition
from apps.runs.queries import gone_or_back_soon, run_key
from apps.runs.types import Stream

if TYPE_CHECKING:
    from apps.vault.keys import OpenKey

_ROWS_IN_CHUNK = 2_000


@transaction.atomic
def rewind(run: Run, *, last_step: int | float) -> None:
    """Keep the history up to `last_step` and drop what came after; the client's next line follows what is kept.

    The run's row is written too: read it again afterwards.
    """
    locked = Run.objects.select_for_update().filter(pk=run.pk).first()
    if locked is None:
        raise gone_or_back_soon(run.pk)
    key = run_key(locked)
    pieces = pieces_of(locked, Stream.HISTORY)
    kept = _untouched(pieces, last_step)
    keys = KeyList(rewinds=read_keys(locked, key).rewinds + 1)
    for batch in _batches(row for piece in kept for row in piece.rows()):
        keys.add(batch)
    # The rest is written anew, as lines of the one writer that goes on: its numbers must have no gaps.
    count = kept[-1].first_line + kept[-1].line_count if kept else 0
    rest = pieces[len(kept) :]
    count = _write(locked, key, b"", rows_of(rest, last_step=last_step), keys, first_line=count)
    for model in (Chunk, Segment):  # a segment's file has no row pointing at it now, and is swept
        _delete(model, [piece.stored.pk for piece in rest if isinstance(piece.stored, model)])
    # Writers of a shared run would take up numbers that are gone: from here on there is one.
    StreamPosition.objects.filter(run=locked, stream=Stream.HISTORY.value).delete()
    locked.history_lines = count
    seal_keys(locked, key, keys)
    locked.version += 1
    locked.save(update_fields=["history_lines", "sealed_keys", "version"])
    background.enqueue("runs.compact", run_id=locked.pk)


@transaction.atomic
def copy_until(parent: Run, child: Run, *, last_step: int | float) -> None:
    """Give a new run its parent's history up to `last_step`, sealed under its own key.

    The child's row is written too, and `child` with it.
    """
    key = run_key(child)
    keys = KeyList()
    count = _write(child, key, FORKED, scan(parent, Stream.HISTORY, last_step=last_step), keys)
    if not count:
        return
    StreamPosition.objects.create(
        run=child, stream=Stream.HISTORY.value, writer=FORKED, next_line=count, is_complete=True
    )
    child.history_lines = count
    seal_keys(child, key, keys)
    child.save(update_fields=["history_lines", "sealed_keys"])
    background.enqueue("runs.compact", run_id=child.pk)


def _untouched(pieces: Sequence[Piece], last_step: float) -> list[Piece]:
    """The pieces from the start on of which nothing goes; none of a shared run, whose writers are made one."""
    if any(piece.writer for piece in pieces):
        return []
    return list(takewhile(lambda piece: piece.ends_by(last_step), pieces))


def _write(
    run: Run, key: OpenKey, writer: bytes, rows: Iterable[Row], keys: KeyList, *, first_line: int = 0
) -> int:
    """Store these rows as chunks. Returns the number of the line after the last."""
    count = first_line
    for batch in _batches(rows):
        keys.add(batch)
        lines = [jsontext.dumps(row) for row in batch]
        new_chunk(run, key, Stream.HISTORY, writer, count, lines).save(force_insert=True)
        count += len(batch)
    return count


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rows = iter(rows)
    while batch := list(islice(rows, _ROWS_IN_CHUNK)):
        yield batch


def _delete(model: type[Chunk] | type[Segment], ids: list[int], size: int = 500) -> None:
    for start in range(0, len(ids), size):
        model._default_manager.filter(pk__in=ids[start : start + size]).delete()
