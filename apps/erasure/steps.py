"""The steps of an erasure. Each is safe to repeat from its beginning, works in batches, and stops when it has had its time.

Keys first: if the worker dies between, what is left is already unreadable. Whatever a step has done is no longer found by
it, so there is nothing to remember between two batches but which step it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Model

from apps.accounts.actors import Actor
from apps.accounts.names import NO_NAME, is_name
from apps.accounts.queries import addresses_of
from apps.artifacts.makers import forget_makers
from apps.artifacts.models import Collection, StoredFile, Version
from apps.artifacts.services import give_back_files, hand_on_files
from apps.blobs.errors import StoreDenied, is_away
from apps.blobs.services import delete_with_rows, discard_keys_of
from apps.blobs.types import Freed
from apps.erasure.clearing import clear_names
from apps.erasure.exchange import exchange, node_to_destroy
from apps.erasure.grace import kept_for_now
from apps.erasure.models import ErasureJob, PartErasure
from apps.erasure.plan import Part, all_parts_of, parts_of
from apps.erasure.remainders import note, note_blob_keys, note_blobs, note_heads
from apps.erasure.stones import leave_stones
from apps.erasure.types import WITH_NAMES, Scope, Trace
from apps.exports.models import Export
from apps.files.models import RunFile
from apps.plans.models import PlanRequest
from apps.projects.models import Project
from apps.runs.authors import forget_authors
from apps.runs.holding import hold_runs
from apps.runs.models import Chunk, Run
from apps.teams.models import Entity, Organisation
from apps.teams.names import index_of_name
from apps.teams.services import let_all_teams_go, withdraw_all_to
from apps.vault.epochs import demand
from apps.vault.tree import erase_nodes, forget_nodes
from apps.vault.types import NodeId

_BATCH = 200
# What bears the job's id and has a key of its own, whose name is free afterwards.
_WITH_KEYS: dict[Scope, type[Model]] = {
    Scope.PROJECT: Project,
    Scope.VERSIONS: Version,
    Scope.ARTIFACT: Collection,
}
_OF_ARTIFACTS = {Scope.VERSIONS, Scope.ARTIFACT}
_FEWER = 50  # of rows that hold payloads

# Called after each batch: says that work goes on, or raises when the time is over.
Beat = Callable[[], None]


def shred(job: ErasureJob, beat: Beat) -> None:
    """Destroy the keys, all in one turn: at most some hundreds are asked for at once, and a project or an artifact is one.
    A run of which only parts go has another key first.

    A run's name stays in its tombstone as a blind index, so that nothing is called so again.
    """
    _shred_marked(job, Export)  # those that were asked for, or that hold what was
    if job.scope in _WITH_KEYS:
        _shred_marked(job, _WITH_KEYS[Scope(job.scope)])
    elif job.scope in WITH_NAMES:
        _shred_entities(job)
    elif job.scope == Scope.RUNS:
        _shred_runs(job)
    elif job.scope == Scope.PART:
        exchange(job, beat)
        if (node := node_to_destroy(job)) is not None:
            note_heads(job, [node])
            _discard_keys_of_files(job)
            erase_nodes({node: None})
    elif job.scope == Scope.FILES:
        _discard_keys_of_files(job)
    want_epoch(job)


def _shred_entities(job: ErasureJob) -> None:
    """One key, with all below it. Its name stays in the tombstone: nobody is called so again. What came back from a backup without
    its name has a placeholder there: of that nothing is kept."""
    rows = Entity.everything.filter(erasure_job=job.uuid)
    for organisation in Organisation.everything.filter(entity__in=rows):
        let_all_teams_go(organisation, by=Actor.system())  # while its settings are there
    people = _people_of(job)
    note(job, Trace.PERSON, (UUID(int=pk) for pk in people))
    if people:  # while their addresses are known
        withdraw_all_to(addresses_of(people), by=Actor.system())
    asked = PlanRequest.objects.filter(user__in=people, words_erased_at=None)
    _destroy(job, dict.fromkeys(map(NodeId, asked.values_list("vault_node", flat=True))))
    named = [row for row in rows.values_list("vault_node", "name") if not row[1].startswith(NO_NAME)]
    _destroy(job, {NodeId(node): index_of_name(name) if is_name(name) else None for node, name in named})


def _people_of(job: ErasureJob) -> list[int]:
    rows = Entity.everything.filter(erasure_job=job.uuid).exclude(user=None)
    return list(rows.values_list("user_id", flat=True))


def _shred_runs(job: ErasureJob) -> None:
    rows = Run.everything.filter(erasure_job=job.uuid).order_by("pk")
    for batch in _in_batches(rows.values_list("vault_node", "name_index"), _BATCH):
        _destroy(job, {NodeId(node): bytes(index) for node, index in batch})
    # Keys that they had before parts of them went, too, should that job not have come to it: old backups have the runs by these.
    parts = PartErasure.objects.filter(run__erasure_job=job.uuid, exchanged_at__isnull=False)
    for earlier in _in_batches(parts.order_by("pk").values_list("vault_node", flat=True), _BATCH):
        _destroy(job, dict.fromkeys(map(NodeId, earlier)))


def _shred_marked(job: ErasureJob, model: type[Model]) -> None:
    rows = Part(model, "").rows_of(job).order_by("pk")
    for batch in _in_batches(rows.values_list("vault_node", flat=True), _BATCH):
        _destroy(job, dict.fromkeys(map(NodeId, batch)))


def _destroy(job: ErasureJob, names: Mapping[NodeId, bytes | None]) -> None:
    """These keys, each with the index of the name that is not to be used again, if there is one."""
    note_heads(job, names)
    erase_nodes(names)


def _discard_keys_of_files(job: ErasureJob) -> None:
    for part in parts_of(Scope(job.scope)):
        for field in part.blob_fields:
            for batch in _in_batches(part.rows_of(job).only("pk", field).order_by("pk"), _BATCH):
                note_blob_keys(job, batch, field)
                discard_keys_of(batch, field)


def want_epoch(job: ErasureJob) -> None:
    """Wait in the end for an epoch that has not begun yet: whatever was deleted by now is in it."""
    job.epoch = demand()
    ErasureJob.objects.filter(pk=job.pk).update(epoch=job.epoch)


def delete_bytes(job: ErasureJob, beat: Beat) -> None:
    """Stored objects, every version of each, with the rows that point at them. Others' claim on the same object stays.

    What a store does not let go keeps none of the others: it is raised once they are gone, or the turn is over.
    """
    refused: list[Exception] = []
    try:
        for part in all_parts_of(Scope(job.scope)):
            for field in part.blob_fields:
                _delete_bytes_of(job, part, field, refused, beat)
    except Exception:
        if not refused:
            raise
    if refused:
        raise refused[0]


def _delete_bytes_of(job: ErasureJob, part: Part, field: str, refused: list[Exception], beat: Beat) -> None:
    """What did not go is added to what was refused."""
    rows = part.rows_of(job).filter(**{f"{field}__isnull": False}).select_related(field).order_by("pk")
    while batch := _few_enough(list(rows[: at_once(job, _BATCH)]), field):
        going = _unclaimed(job, batch)
        note_blobs(job, going, field, beat)
        try:
            delete_with_rows(going, field, partial(_count, job, part.model), beat)
        except (OSError, StoreDenied) as error:
            if is_away(error) or len(batch) > 1:  # the turn after this one takes one after the other
                raise
            refused.append(error)
            rows = rows.filter(pk__gt=batch[0].pk)
        beat()


def _few_enough(rows: list[Model], field: str) -> list[Model]:
    """As many of these as lie in few enough objects, and at least one: each may have come in thousands of parts."""
    objects = accumulate(1 + getattr(row, field).part_count for row in rows)
    return [row for row, so_far in zip(rows, objects, strict=True) if so_far <= _BATCH] or rows[:1]


def at_once(job: ErasureJob, most: int) -> int:
    """One after the other where the turn before broke off: of a batch that does not come to its end nothing is behind the job."""
    return 1 if job.trouble else most


def _unclaimed(job: ErasureJob, batch: list[Model]) -> list[Model]:
    """Without the files of artifacts that a version which stays holds as well: those are found by it from now on.

    Asked after the keys: since then nobody is granted anything by the versions that are erased.
    """
    files = [each for each in batch if isinstance(each, StoredFile)]
    if job.scope not in _OF_ARTIFACTS or not files:
        return batch
    return list(hand_on_files(files, also=kept_for_now()))


def _give_back(job: ErasureJob, beat: Beat) -> None:
    """What these versions were granted and others brought is taken from them, before their rows go: so much is not for one turn."""
    for part in parts_of(Scope(job.scope)):
        if part.model is Version:
            nodes = part.rows_of(job).order_by("pk").values_list("vault_node", flat=True)
            for node in list(nodes):
                while give_back_files(NodeId(node)):
                    beat()


def delete_rows(job: ErasureJob, beat: Beat) -> None:
    """Whatever is left in the tables, what lies deepest first, and what is left of keys that open nothing any more."""
    delete_bytes(job, beat)  # an upload that was under way when the job was recorded may have ended since
    if job.scope in _OF_ARTIFACTS:
        _give_back(job, beat)
    for part in all_parts_of(Scope(job.scope)):
        while _delete_some(job, part):
            beat()
    if job.scope in WITH_NAMES:
        forget_authors(_people_of(job), beat)
        forget_makers(_people_of(job), beat)
        leave_stones(job)
        clear_names(job)
    # Bytes may have taken grants from owners who stay. Mostly the epoch of the first step has not begun, and is this one.
    want_epoch(job)


def _delete_some(job: ErasureJob, part: Part) -> int:
    rows = part.rows_of(job).order_by("pk")
    columns = ("pk", "vault_node") if part.has_key else ("pk",)
    found = list(rows.values_list(*columns)[: _FEWER if part.model is Chunk else _BATCH])
    if not found:
        return 0
    if part.has_key:
        nodes = [node for _, node in found if node is not None]
        note(job, Trace.NODE, nodes)
        forget_nodes([NodeId(node) for node in nodes])
    batch = part.model._base_manager.filter(pk__in=[row[0] for row in found])
    with transaction.atomic():
        size = 0
        if part.model is Chunk:
            size = sum(batch.select_for_update().order_by("pk").values_list("stored_bytes", flat=True))
        elif part.model is Run:
            hold_runs(Run.everything.filter(pk__in=[row[0] for row in found]))
        gone, by_model = batch.only("pk").delete()  # what is sealed in them is not fetched first
        _count(job, part.model, Freed(gone, by_model.get(part.model._meta.label, 0), size))
    return gone


def _count(job: ErasureJob, model: type[Model], freed: Freed) -> None:
    """In the transaction that took it away: nobody dies in between, and what two workers delete is counted by one.

    Things are rows of this model alone; a version takes along that runs read it, for instance, a picture its small one.
    """
    more: dict[str, Any] = {"rows": F("rows") + freed.rows, "stored_bytes": F("stored_bytes") + freed.size}
    if model is Run:
        more["runs"] = F("runs") + freed.things
    elif model is Version:
        more["versions"] = F("versions") + freed.things
    elif model in {RunFile, StoredFile}:
        more["files"] = F("files") + freed.things
    ErasureJob.objects.filter(pk=job.pk).update(**more)


def _in_batches(rows: Any, size: int) -> Iterator[list[Any]]:
    start = 0
    while batch := list(rows[start : start + size]):
        yield batch
        start += size
