"""Erasures that wait here while what they would erase has lost its keys: this main database was put back from a backup that was
made while they waited, and they began since. Nothing of them opens, so there is nothing to be taken back.
"""

from __future__ import annotations

from uuid import UUID

from apps.blobs.models import BlobState
from apps.core import clock
from apps.erasure.models import ErasureJob
from apps.erasure.plan import HEADS
from apps.erasure.types import Scope, Step
from apps.files.models import RunFile
from apps.vault.absence import without_tombstone
from apps.vault.erased import known_until
from apps.vault.tree import owners_of
from apps.vault.types import NodeId


def has_lost_keys(job: ErasureJob) -> bool:
    """Was the key of anything that the job marks erased?"""
    if job.scope == Scope.FILES:
        return _have_files_lost_theirs(job)
    heads = HEADS[Scope(job.scope)]._base_manager.filter(erasure_job=job.uuid)
    nodes: set[UUID] = set(heads.values_list("vault_node", flat=True))
    return without_tombstone(nodes) != nodes


def _have_files_lost_theirs(job: ErasureJob) -> bool:
    """A file's key leaves no tombstone. That of one which came after all that the vault knows need not have been erased."""
    until = known_until()
    if until is None:
        return False
    stored = RunFile.everything.filter(blob__state=BlobState.STORED, blob__created_at__lt=until)
    rows = stored.filter(erasure_job=job.uuid)
    blobs = {NodeId(blob) for blob in rows.values_list("blob__vault_node", flat=True)}
    return bool(blobs - owners_of(blobs).keys())


def begin_again() -> int:
    """Have those go on at once; how many there are."""
    now = clock.now()
    waiting = ErasureJob.objects.filter(step=Step.WAIT, due_at__gt=now)
    begun = [job.pk for job in waiting.order_by("pk").iterator() if has_lost_keys(job)]
    ErasureJob.objects.filter(pk__in=begun, step=Step.WAIT).update(due_at=now)
    return len(begun)
