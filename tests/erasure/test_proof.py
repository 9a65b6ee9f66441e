"""Nothing is taken for gone that a store still has, and nobody waits in a worker for an epoch."""

from __future__ import annotations

import io
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import QuerySet

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.blobs import remains
from apps.blobs.models import Blob, BlobPart, new_object_name
from apps.blobs.store import default_store
from apps.core import background, clock
from apps.erasure import ladder, proof, services, steps, tasks
from apps.erasure.models import ErasureJob, Remainder
from apps.erasure.remainders import note_blobs
from apps.erasure.services import advance, due_jobs, erase_files, erase_project, erase_run
from apps.erasure.types import Step, Trace
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run, Segment
from apps.teams.models import Entity
from apps.vault.models import Epoch, Grant, Node, Tombstone
from apps.vault.tree import forget_nodes
from apps.vault.types import NodeKind
from tests.erasure.conftest import files_of, finish
from tests.factories import work
from tests.factories.vault import end_epochs

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def rungs_of(job: ErasureJob) -> tuple[Step, str]:
    job.refresh_from_db()
    return Step(job.step), job.trouble


def until_proof(job: ErasureJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """All steps before the proof, which breaks off."""

    class Here(Exception):
        pass

    def stop(*_: Any) -> None:
        raise Here

    with monkeypatch.context() as patch:
        patch.setitem(ladder.STEPS, Step.PROVE, stop)
        with pytest.raises(Here):
            advance(job.pk)


def test_what_was_asked_for_is_told_in_numbers_and_forgotten_in_detail(full: Run, by: Actor) -> None:
    objects = len(files_of(full)) + Segment.objects.filter(run=full).count()

    job = finish(erase_run(full, by=by))

    assert job.proof["vault"] == {
        "keys": 1,
        "tombstones": 1,
        "file_keys": objects,
        "file_keys_kept_for_others": 0,
    }
    assert job.proof["store"] == {"objects": objects, "objects_kept_for_others": 0}
    assert job.proof["database"]["tables"] > 5
    moments = [
        job.asked_at,
        job.shredded_at,
        job.bytes_gone_at,
        job.rows_gone_at,
        job.proven_at,
        job.renewed_at,
        job.done_at,
    ]
    assert None not in moments and moments == sorted(moments, key=lambda at: at or clock.now())
    assert not Remainder.objects.exists()


def test_a_worker_that_was_taken_for_dead_leaves_the_numbers_of_who_went_on(full: Run, by: Actor) -> None:
    job = erase_run(full, by=by)
    late = ErasureJob.objects.get(pk=job.pk)
    stated = finish(job).proof

    proof.prove(late, lambda: None)

    job.refresh_from_db()
    assert (job.proof, job.proof["vault"]["keys"]) == (stated, 1)


def test_a_project_is_proven_with_all_keys_below_it(
    full: Run, other: Run, vision: Project, by: Actor
) -> None:
    job = finish(erase_project(vision, by=by, at_once=True))

    assert (job.step, job.proof["vault"]["keys"], job.proof["vault"]["tombstones"]) == (Step.DONE, 3, 1)


def test_a_key_without_a_tombstone_is_gone_only_with_what_it_lay_in(
    full: Run, vision: Project, lab: Entity, by: Actor, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with another project of the same owner."""
    job = erase_run(full, by=by)
    with monkeypatch.context() as patch:
        patch.setattr(steps, "erase_nodes", lambda names: forget_nodes(list(names)))
        until_proof(job, monkeypatch)
    finish(erase_project(work.project("lab", "elsewhere", by=alice), by=by, at_once=True))

    for _ in range(2):
        with pytest.raises(proof.StillThere):
            advance(job.pk)

    finish(erase_project(vision, by=by, at_once=True))
    assert finish(job).step == Step.DONE


def plant_object(job: ErasureJob) -> None:
    ident = Remainder.objects.filter(job=job, kind="object").values_list("ident", flat=True)[0]
    default_store().put(ident.hex, [b"left"])


def plant_grant(job: ErasureJob) -> None:
    blob = Remainder.objects.filter(job=job, kind="blob").values_list("ident", flat=True)[0]
    _grant(blob, uuid4())


def plant_grant_of_the_owner(job: ErasureJob) -> None:
    _grant(uuid4(), _head(job))


def plant_key(job: ErasureJob) -> None:
    _node(_head(job), NodeKind.RUN)


def plant_export_below(job: ErasureJob) -> None:
    _node(uuid4(), NodeKind.EXPORT, parent=_head(job))


def _head(job: ErasureJob) -> Any:
    return Remainder.objects.filter(job=job, kind="head").values_list("ident", flat=True)[0]


def _grant(blob: Any, owner: Any) -> None:
    Grant.objects.create(
        blob_id=blob,
        owner_id=owner,
        lies_under=uuid4(),
        content_id=uuid4(),
        secret=b"x",
        created_at=clock.now(),
    )


def _node(node: Any, kind: NodeKind, *, parent: Any = None) -> None:
    Node.objects.create(
        id=node,
        kind=kind,
        parent_id=parent or uuid4(),
        lies_under=uuid4(),
        wrap_id=uuid4(),
        content_id=uuid4(),
        secrets=b"x",
        created_at=clock.now(),
    )


@pytest.mark.parametrize(
    "plant", [plant_object, plant_grant, plant_grant_of_the_owner, plant_key, plant_export_below]
)
def test_what_a_store_still_has_is_found_and_deleted_and_asked_for_again(
    full: Run, other: Run, by: Actor, monkeypatch: pytest.MonkeyPatch, plant: Any
) -> None:
    kept = {each.blob_id for each in files_of(other)}
    nodes, grants = Node.objects.count(), Grant.objects.exclude(owner_id=full.vault_node).count()
    job = erase_run(full, by=by)
    until_proof(job, monkeypatch)
    first = ErasureJob.objects.get(pk=job.pk).epoch
    plant(job)
    end_epochs()

    with pytest.raises(proof.StillThere):
        advance(job.pk)

    assert rungs_of(job) == (Step.PROVE, "StillThere")
    assert job.epoch != first  # what was found went after that one
    finish(job)
    assert rungs_of(job) == (Step.DONE, "")
    assert (Node.objects.count(), Grant.objects.count()) == (nodes - 1, grants)
    assert kept == {each.blob_id for each in files_of(other)}


def test_a_half_sent_upload_under_the_name_is_found(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = erase_run(full, by=by)
    until_proof(job, monkeypatch)
    name = Remainder.objects.filter(job=job, kind="object").values_list("ident", flat=True)[0].hex
    asked: list[str] = []
    real = type(default_store()).remains

    def remains(store: Any, *wanted: str) -> set[str]:
        asked.extend(wanted)
        return real(store, *wanted) | ({name} if asked.count(name) == 1 and name in wanted else set())

    monkeypatch.setattr(type(default_store()), "remains", remains)
    with pytest.raises(proof.StillThere):
        advance(job.pk)

    finish(job)
    assert rungs_of(job) == (Step.DONE, "")
    assert asked.count(name) == 2 and len(set(asked)) == job.proof["store"]["objects"]


def test_a_row_that_came_late_is_deleted_before_anything_is_proven(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = erase_run(full, by=by)
    with monkeypatch.context() as patch:
        patch.setattr(
            steps, "_delete_some", lambda *_: 0
        )  # a step that does nothing and says that it is done
        patch.setattr(proof, "delete_rows", lambda *_: None)
        with pytest.raises(proof.StillThere):
            advance(job.pk)
    assert Run.everything.filter(pk=full.pk).exists()

    with pytest.raises(proof.StillThere):
        advance(job.pk)
    finish(job)

    assert rungs_of(job) == (Step.DONE, "")
    assert not Run.everything.filter(pk=full.pk).exists()


def test_a_key_without_its_tombstone_is_not_proven(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = erase_run(full, by=by)
    until_proof(job, monkeypatch)
    Tombstone.objects.filter(node_id=full.vault_node).delete()

    with pytest.raises(proof.StillThere):
        advance(job.pk)


def test_what_somebody_else_uses_is_not_touched_by_the_proof(full: Run, other: Run, by: Actor) -> None:
    shared = files_of(full)[0].blob
    assert shared is not None
    RunFile.objects.filter(pk=files_of(other)[0].pk).update(blob=shared)

    job = finish(erase_run(full, by=by))

    assert job.proof["store"]["objects_kept_for_others"] == 1
    assert Blob.objects.filter(pk=shared.pk).exists() and default_store().remains(shared.object_name)


def test_files_are_proven_though_their_run_stays(full: Run, by: Actor) -> None:
    job = finish(erase_files(files_of(full), by=by))

    assert (job.step, job.proof["store"]["objects"]) == (Step.DONE, 2)
    assert job.proof["vault"] == {
        "keys": 0,
        "tombstones": 0,
        "file_keys": 2,
        "file_keys_kept_for_others": 0,
    }
    assert Node.objects.filter(pk=full.vault_node).exists()


def test_a_job_waits_for_its_epoch_in_nobodys_worker(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = erase_run(full, by=by)
    advance(job.pk)

    assert rungs_of(job) == (Step.EPOCH, "")
    assert job.busy_until is None and job.epoch == Epoch.objects.get(state="waiting").number
    assert list(due_jobs()) == []
    Epoch.objects.create(number=job.epoch + 1, state="done", finished_at=clock.now())  # another's
    assert list(due_jobs()) == []
    tries = job.tries
    advance(job.pk)
    assert rungs_of(job) == (Step.EPOCH, "") and job.tries == tries + 1

    end_epochs()
    assert list(due_jobs()) == [job.pk]
    woken: list[int] = []
    monkeypatch.setattr(background, "enqueue", lambda name, job_id: woken.append(job_id))
    tasks.renewed()
    assert woken == [job.pk]
    tasks.sweep()
    assert rungs_of(job) == (Step.DONE, "")


@pytest.mark.parametrize("lost", ["never asked for", "not in the vault that was put back"])
def test_an_epoch_that_is_not_there_is_asked_for_anew(full: Run, by: Actor, lost: str) -> None:
    job = erase_run(full, by=by)
    advance(job.pk)
    Epoch.objects.all().delete()
    if lost == "never asked for":  # a job from before there were any
        ErasureJob.objects.update(epoch=None)

    for _ in range(2):
        assert list(due_jobs()) == [job.pk]
        advance(job.pk)

    job.refresh_from_db()
    assert (job.step, job.epoch) == (Step.EPOCH, Epoch.objects.get().number)


@pytest.mark.parametrize("number", ["unknown", "of another"])
def test_a_key_that_an_older_vault_brought_back_is_erased_again_before_anything_is_certified(
    full: Run, by: Actor, number: str
) -> None:
    key = Node.objects.get(pk=full.vault_node)
    job = erase_run(full, by=by)
    advance(job.pk)
    job.refresh_from_db()
    Epoch.objects.all().delete()
    Tombstone.objects.all().delete()
    key.save(force_insert=True)
    if number == "of another":  # which was asked for since, and counted on from the older vault's
        Epoch.objects.create(number=job.epoch)
        end_epochs()

    advance(job.pk)
    with pytest.raises(proof.StillThere):
        advance(job.pk)
    assert finish(job).step == Step.DONE

    assert not Node.objects.filter(pk=full.vault_node).exists()
    assert Tombstone.objects.filter(pk=full.vault_node).exists()
    assert job.proven_at is not None and job.renewed_at is not None and job.proven_at <= job.renewed_at


def test_keys_that_went_late_are_in_the_epoch_that_is_waited_for(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Grants of a run that stays may go with the bytes, when the epoch of the first step is over already."""
    job = erase_files(files_of(full), by=by)
    real = ladder.STEPS[Step.SHRED]

    def slowly(*args: Any) -> None:
        real(*args)
        end_epochs()

    monkeypatch.setitem(ladder.STEPS, Step.SHRED, slowly)
    advance(job.pk)

    assert rungs_of(job) == (Step.EPOCH, "")
    assert list(waiting().values_list("number", flat=True)) == [job.epoch]


def waiting() -> QuerySet[Epoch]:
    return Epoch.objects.filter(state="waiting")


def test_a_long_proof_goes_on_where_it_was(
    full: Run, other: Run, vision: Project, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = erase_project(vision, by=by, at_once=True)
    until_proof(job, monkeypatch)
    monkeypatch.setattr(services, "_TURN_SECONDS", -1.0)
    monkeypatch.setattr(proof, "_BATCH", 1)
    left = [Remainder.objects.filter(job=job, gone_at=None).count()]
    while left[-1]:
        advance(job.pk)
        left.append(Remainder.objects.filter(job=job, gone_at=None).count())

    assert left == list(range(left[0], -1, -1))


def test_the_store_tells_what_remains() -> None:
    store, name = default_store(), uuid4().hex
    assert not store.remains(name)
    store.put(name, io.BytesIO(b"x"))
    assert store.remains(name)
    assert not store.remains(uuid4().hex)

    store.delete_all_versions(name)

    assert not store.remains(name)


def test_a_file_in_many_parts_loses_its_key_at_once_and_its_objects_are_noted_some_at_a_time(
    full: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a word in between: a worker that says nothing for two minutes is taken for dead, and another begins with them anew."""
    monkeypatch.setattr(remains, "_AT_ONCE", 2)
    file = files_of(full)[0]
    BlobPart.objects.bulk_create(
        BlobPart(
            blob=file.blob,
            number=number,
            is_last=number == 4,
            digest_index=bytes(16),
            object_name=new_object_name(),
            plain_size=1,
            stored_size=1,
            created_at=clock.now(),
        )
        for number in range(5)
    )
    job = erase_files([file], by=Actor.person(alice))
    noted: list[int] = []
    objects = Remainder.objects.filter(job=job, kind=Trace.OBJECT.value)

    steps.shred(job, lambda: None)
    assert file.blob is not None and not Node.objects.filter(pk=file.blob.vault_node).exists()
    assert not objects.exists()
    note_blobs(job, [file], "blob", lambda: noted.append(objects.count()))

    assert noted == [1, 3, 5] and objects.count() == 6
