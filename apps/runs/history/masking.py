"""Console lines written anew where they lie, so that what somebody wants gone is not in them any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.blobs.models import Blob
from apps.blobs.services import delete_blob, write_blob
from apps.core.errors import Conflict
from apps.runs.history import codec
from apps.runs.history.compaction import compact
from apps.runs.history.console import LINES_IN_GROUP, NUMBER, TEXT
from apps.runs.history.pieces import AFTER_LAST_LINE, open_chunk, open_segment
from apps.runs.models import Chunk, Run, Segment
from apps.runs.queries import run_key
from apps.runs.types import Stream
from apps.vault.types import NodeId

Change = Callable[[str], str]
_Piece = TypeVar("_Piece", Chunk, Segment)
_TRIES = 3


def console_chunks(run: Run, after: int) -> list[int]:
    """The console's chunks that came after this one, in the order they came."""
    stored = Chunk.objects.filter(run=run, stream=Stream.OUTPUT.value, pk__gt=after).order_by("pk")
    return list(stored.values_list("pk", flat=True))


def console_chunk(run: Run, pk: int) -> tuple[bytes, int, bytes] | None:
    """Writer, number of the first line, and the lines as bytes; None once it was compacted."""
    chunk = Chunk.objects.filter(run=run, pk=pk).first()
    if chunk is None:
        return None
    return bytes(chunk.writer), chunk.first_line, open_chunk(chunk, run_key(run))


def console_segments(run: Run, after: int) -> list[Segment]:
    """The console's segments that were made after this one."""
    stored = Segment.objects.filter(run=run, stream=Stream.OUTPUT.value, pk__gt=after)
    return list(stored.select_related("blob").order_by("pk"))


def lines_of_segment(run: Run, segment: Segment, first: int) -> Iterator[tuple[int, str]]:
    """The segment's lines from this number on, each with its own."""
    reader = open_segment(segment, run)
    ((_there, held),) = reader.numbers(NUMBER)
    places = [place for place, number in enumerate(held.tolist()) if number >= first]
    for row in reader.rows(places=places) if places else ():
        yield int(row[NUMBER]), row[TEXT]


def change_lines(run: Run, writer: bytes, numbers: range, change: Change) -> None:
    """Put `change` of each of these lines of a writer in its place wherever it lies, earlier words on it included.

    Not inside a transaction. What waits as it came is compacted first: a chunk that is changed while another worker
    reads it would come back unchanged. The old objects are deleted. Conflict when others are always faster.
    """
    for _attempt in range(_TRIES):
        if _around(Chunk, run, writer, numbers).exists():
            compact(run)
            continue
        held = _around(Segment, run, writer, numbers).order_by("pk")
        if all(_changed(run, segment, numbers, change) for segment in held.select_related("blob")):
            return
    raise Conflict(_("The console is being written anew just now. Try again."))


def _around(model: type[_Piece], run: Run, writer: bytes, numbers: range) -> QuerySet[_Piece]:
    """The pieces that may hold one of these lines."""
    stored = model._default_manager.filter(
        run=run, stream=Stream.OUTPUT.value, writer=writer, first_line__lt=numbers.stop
    )
    return stored.annotate(end=AFTER_LAST_LINE).filter(end__gt=numbers.start)


def _changed(run: Run, segment: Segment, numbers: range, change: Change) -> bool:
    """Write the segment's file anew with these lines changed; False when somebody else wrote it anew meanwhile."""
    owner, before = NodeId(run.vault_node), segment.blob
    rows = list(open_segment(segment, run).rows())
    after = [{**row, TEXT: change(row[TEXT])} if row[NUMBER] in numbers else row for row in rows]
    if after == rows:
        return True
    stored = write_blob(owner, [codec.write(after, rows_in_group=LINES_IN_GROUP)])
    took = _put_in_place(run, segment, before, stored.blob)
    delete_blob(before if took else stored.blob)
    return took


def _put_in_place(run: Run, segment: Segment, before: Blob, after: Blob) -> bool:
    with transaction.atomic():
        # The run's row too: an eraser that has closed it finds all that came in before, and nothing comes in after. Nor does what
        # was granted to a key that the run has no more.
        locked = Run.objects.select_for_update().filter(pk=run.pk, vault_node=run.vault_node)
        if not locked.values_list("pk").first():
            return False
        held = Segment.objects.filter(pk=segment.pk, blob_id=before.pk)
        return held.update(blob=after) == 1
