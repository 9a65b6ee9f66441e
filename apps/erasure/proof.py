"""The proof: each store is asked again for what the steps before should have deleted, and nobody's word is taken.

What is found is deleted once more and asked for again at the next try: a job that cannot be proven is never done.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db.models import Count, Q

from apps.accounts.closing import delete_accounts
from apps.accounts.queries import people_of
from apps.blobs.remains import delete_objects, objects_left, used_keys, used_objects
from apps.core import clock
from apps.erasure.errors import NotYet
from apps.erasure.models import ErasureJob, Remainder
from apps.erasure.plan import all_parts_of
from apps.erasure.steps import Beat, at_once, delete_rows, want_epoch
from apps.erasure.stones import leave_stones
from apps.erasure.types import WITH_NAMES, Scope, Step, Trace
from apps.vault.absence import below, blobs_left, nodes_left, without_tombstone
from apps.vault.epochs import is_done, is_known
from apps.vault.tree import discard_blob_keys, erase_nodes, forget_nodes
from apps.vault.types import NodeId

_BATCH = 200

# Of a batch: what is found though it should be gone, and what somebody else still uses.
Answer = tuple[set[UUID], set[UUID]]


class StillThere(Exception):
    """A store still had something of what was deleted. It was told once more; the next try asks again."""


def prove(job: ErasureJob, beat: Beat) -> None:
    """Ask the vault, the store and the tables. What is proven is not asked for again in the next turn."""
    # The tables first: a row of this job that points at a stored file would be taken for somebody else's.
    if any(part.rows_of(job).exists() for part in all_parts_of(Scope(job.scope))):
        delete_rows(job, beat)
        raise StillThere
    if sum(_ask_all(job, kind, beat) for kind in _QUESTIONS):
        want_epoch(job)
        raise StillThere
    job.proof = _in_numbers(job)
    # Only while it is being proven: a worker that was taken for dead meanwhile finds nothing left to count.
    ErasureJob.objects.filter(pk=job.pk, step=Step.PROVE).update(proof=job.proof)


def await_epoch(job: ErasureJob, _: Beat) -> None:
    """Until the epoch is over that was asked for when all keys were gone.

    Where the vault knows of none, or of one that was asked for since, an older copy of it was put back: it may hold the keys
    again, and all is to be proven once more.
    """
    if job.epoch is None or not is_known(job.epoch, by=job.proven_at):
        _prove_anew(job)
        raise NotYet
    if not is_done(job.epoch):
        raise NotYet


def _prove_anew(job: ErasureJob) -> None:
    want_epoch(job)
    Remainder.objects.filter(job=job).update(gone_at=None)
    ErasureJob.objects.filter(pk=job.pk, step=Step.EPOCH).update(step=Step.PROVE, proven_at=None)


def waits_for_other_than(epochs: set[int]) -> Q:
    """Jobs that wait for an epoch which is none of these."""
    return Q(step=Step.EPOCH, epoch__isnull=False) & ~Q(epoch__in=epochs)


def _ask_all(job: ErasureJob, kind: Trace, beat: Beat) -> int:
    """How many of this kind were found."""
    found, last = 0, 0
    while True:
        rows = Remainder.objects.filter(job=job, kind=kind.value, gone_at=None, pk__gt=last)
        batch = list(rows.order_by("pk").values_list("pk", "ident")[: at_once(job, _BATCH)])
        if not batch:
            return found
        last = batch[-1][0]
        there, kept = _QUESTIONS[kind](job, {ident for _, ident in batch})
        for is_kept in (False, True):
            proven = [pk for pk, ident in batch if ident not in there and (ident in kept) == is_kept]
            # A statement for all alike: one with a case for each of them takes longer than to have asked for it.
            Remainder.objects.filter(pk__in=proven).update(gone_at=clock.now(), is_kept=is_kept)
        found += len(there)
        beat()


def _heads(job: ErasureJob, nodes: set[UUID]) -> Answer:
    """That each has its tombstone."""
    nameless = without_tombstone(nodes)
    nameless -= _gone_with_more(job, nameless)
    erase_nodes({NodeId(node): None for node in nameless})
    return nameless, set()


def _gone_with_more(job: ErasureJob, nodes: set[UUID]) -> set[UUID]:
    """Those of these keys that somebody else took along with one above them, whose tombstone then speaks for them: by which keys that
    can be is noted with each."""
    heads = Remainder.objects.filter(job=job, kind=Trace.HEAD.value, ident__in=nodes)
    ways = dict(heads.values_list("ident", "above"))
    higher = {node: {UUID(each) for each in way} for node, way in ways.items() if way is not None}
    standing = without_tombstone(set().union(*higher.values()))
    gone = {node for node, way in higher.items() if way - standing}
    unknown = nodes - higher.keys()
    return gone | unknown if unknown and _more_has_gone(job) else gone


# What may take the key of such a thing with its own.
_ABOVE = {
    Scope.PROJECT: WITH_NAMES,
    Scope.EXPORTS: {Scope.PROJECT, *WITH_NAMES},
    Scope.FILES: {Scope.PROJECT, *WITH_NAMES},  # that its exports lay below
    Scope.RUNS: {Scope.PROJECT, *WITH_NAMES},
    Scope.PART: {Scope.PROJECT, *WITH_NAMES},
    Scope.ARTIFACT: {Scope.PROJECT, *WITH_NAMES},
    Scope.VERSIONS: {Scope.ARTIFACT, Scope.PROJECT, *WITH_NAMES},
}


def _more_has_gone(job: ErasureJob) -> bool:
    """Whether anything of the owner's was erased since that a key of which nobody knows what it lay below may have been taken along with."""
    above = [scope.value for scope in _ABOVE.get(Scope(job.scope), ())]
    since = ErasureJob.objects.filter(entity=job.entity_id, scope__in=above, shredded_at__gte=job.asked_at)
    return since.exists()


def _nodes(_: ErasureJob, nodes: set[UUID]) -> Answer:
    """That no key is left, no grant, and nothing that lies below one, of whatever kind."""
    there = nodes_left(nodes)
    rest = set(there)
    while rest:
        lower = below(rest)
        forget_nodes([NodeId(node) for node in rest])
        rest = lower
    return there, set()


def _blobs(_: ErasureJob, nodes: set[UUID]) -> Answer:
    kept = used_keys(nodes)
    there = blobs_left(nodes) - kept
    discard_blob_keys([NodeId(node) for node in there])
    return there, kept


def _people(job: ErasureJob, idents: set[UUID]) -> Answer:
    """That the row of the account is gone, and with it whatever would lead to its person."""
    there = {UUID(int=pk) for pk in people_of({ident.int for ident in idents})}
    if there:
        leave_stones(job)
        delete_accounts([ident.int for ident in there])
    return there, set()


def _objects(_: ErasureJob, idents: set[UUID]) -> Answer:
    names = {ident.hex for ident in idents}
    kept = used_objects(names)
    there = objects_left(names - kept)
    delete_objects(there)
    return {UUID(hex=name) for name in there}, {UUID(hex=name) for name in kept}


# Heads first: one without a tombstone gets it while its row is there.
_QUESTIONS: dict[Trace, Callable[[ErasureJob, set[UUID]], Answer]] = {
    Trace.HEAD: _heads,
    Trace.NODE: _nodes,
    Trace.BLOB: _blobs,
    Trace.OBJECT: _objects,
    Trace.PERSON: _people,
}


def _in_numbers(job: ErasureJob) -> dict[str, dict[str, int]]:
    """What was asked for and is gone, and what stays because it is also somebody else's."""
    rows = Remainder.objects.filter(job=job).values("kind", "is_kept").annotate(n=Count("pk"))
    counts = {(row["kind"], row["is_kept"]): row["n"] for row in rows.order_by()}

    def total(kind: Trace, *, kept: bool = False) -> int:
        return int(counts.get((kind.value, kept), 0))

    return {
        "vault": {
            "keys": total(Trace.NODE),
            "tombstones": total(Trace.HEAD),
            "file_keys": total(Trace.BLOB),
            "file_keys_kept_for_others": total(Trace.BLOB, kept=True),
        },
        "store": {
            "objects": total(Trace.OBJECT),
            "objects_kept_for_others": total(Trace.OBJECT, kept=True),
        },
        "database": {
            "tables": len(all_parts_of(Scope(job.scope))),
            **({"accounts": total(Trace.PERSON)} if job.scope == Scope.ACCOUNT else {}),
        },
    }
