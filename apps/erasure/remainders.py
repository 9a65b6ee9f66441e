"""What a job deletes elsewhere than in the tables it clears, noted before it is deleted, so that it can be asked for afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from django.db.models import Model

from apps.blobs.remains import keys_of, names_of
from apps.erasure.models import ErasureJob, Remainder
from apps.erasure.types import Trace
from apps.vault.absence import all_above, nodes_left, without_tombstone


def note(job: ErasureJob, kind: Trace, idents: Iterable[UUID]) -> None:
    """Noting again changes nothing."""
    _keep(Remainder(job=job, kind=kind.value, ident=ident) for ident in idents)


def note_heads(job: ErasureJob, nodes: Iterable[UUID]) -> None:
    """Keys that leave a tombstone, each with those above it; one that the vault never knew, or has lost, cannot."""
    heads = set(nodes)
    leaving = nodes_left(heads) | (heads - without_tombstone(heads))
    ways = {node: [each.hex for each in way] for node, way in all_above(leaving).items()}
    _keep(Remainder(job=job, kind=Trace.HEAD.value, ident=node, above=ways.get(node)) for node in leaving)
    note(job, Trace.NODE, heads)


def _keep(rows: Iterable[Remainder]) -> None:
    Remainder.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def note_blob_keys(job: ErasureJob, rows: Sequence[Model], field: str) -> None:
    """The keys of what these rows of one model point at."""
    note(job, Trace.BLOB, keys_of(rows, field))


def note_blobs(job: ErasureJob, rows: Sequence[Model], field: str, beat: Callable[[], None]) -> None:
    """Those, and the objects, with a word that somebody is at it where there are more than go at once: it may end the turn, and the
    next one begins with them anew."""
    note_blob_keys(job, rows, field)
    for number, some in enumerate(names_of(rows, field)):
        if number:
            beat()
        note(job, Trace.OBJECT, (UUID(hex=name) for name in some))
