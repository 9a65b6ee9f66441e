"""What a job deletes elsewhere than in the tables it clears, noted before it is deleted, so that it can be asked for afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Model

from apps.blobs.remains import names_of
from apps.erasure.models import ErasureJob, Remainder
from apps.erasure.types import Trace
from apps.vault.absence import nodes_left, without_tombstone


def note(job: ErasureJob, kind: Trace, idents: Iterable[UUID]) -> None:
    """Noting again changes nothing."""
    Remainder.objects.bulk_create(
        [Remainder(job=job, kind=kind.value, ident=ident) for ident in idents],
        ignore_conflicts=True,
        batch_size=500,
    )


def note_heads(job: ErasureJob, nodes: Iterable[UUID]) -> None:
    """Keys that leave a tombstone; one that the vault never knew, or has lost, cannot."""
    heads = set(nodes)
    note(job, Trace.HEAD, nodes_left(heads) | (heads - without_tombstone(heads)))
    note(job, Trace.NODE, heads)


def note_blobs(job: ErasureJob, rows: Sequence[Model], field: str) -> None:
    """The keys and the objects that these rows of one model point at."""
    nodes, names = names_of(rows, field)
    note(job, Trace.BLOB, nodes)
    note(job, Trace.OBJECT, (UUID(hex=name) for name in names))
