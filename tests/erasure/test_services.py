"""Erasing: the key goes, then bytes, then rows; others keep what they have; whoever is killed on the way is carried on."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import StoredFile, Version
from apps.audit.models import Event
from apps.blobs.errors import StoreDenied
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.core import clock
from apps.core.errors import Erased, Invalid, NotFound, TooMuch
from apps.erasure import proof, remainders, services, steps
from apps.erasure.code import erase_code
from apps.erasure.models import ErasureJob
from apps.erasure.plan import parts_of
from apps.erasure.queries import would_go
from apps.erasure.services import advance, due_jobs, erase_files, erase_project, erase_run, erase_runs
from apps.erasure.types import Scope, Step
from apps.files.code import sum_of_code
from apps.files.exposure import exposure_of
from apps.files.kept import kept_of
from apps.files.models import RunFile
from apps.files.queries import find_file, list_files, read_file
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.projects.queries import find_project
from apps.projects.services import get_or_create_project, make_share_link, save_view
from apps.runs.errors import BackSoon
from apps.runs.history.compaction import due_runs
from apps.runs.models import Run, Segment
from apps.runs.queries import find_run, get_run, open_run
from apps.runs.services import create_run, start_run
from apps.runs.table import select_runs
from apps.runs.types import RunPatch
from apps.teams.models import Entity
from apps.vault import receipts
from apps.vault.errors import KeyGone
from apps.vault.models import Grant, Node, Receipt, Tombstone
from apps.vault.tree import open_key
from apps.vault.types import NodeId
from tests.erasure.conftest import files_of, finish, full_run, log
from tests.factories import artifacts, work
from tests.factories.vault import end_epochs

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def objects() -> set[str]:
    return {found.name for found in default_store().list()}


def objects_of(run: Run) -> set[str]:
    found = {each.blob for each in Segment.objects.filter(run=run).select_related("blob")}
    return {blob.object_name for blob in found | {each.blob for each in files_of(run)} if blob is not None}


def rows_below(scope: Scope, ids: list[int]) -> dict[str, int]:
    """How many rows of each model lie below these, by the same map that the eraser has."""
    found = {}
    for part in parts_of(scope):
        field = f"{part.lookup}__in" if part.lookup else "pk__in"
        found[part.model._meta.label] = part.model._base_manager.filter(**{field: ids}).count()
    return found


def test_a_run_goes_with_everything_below_it_and_nothing_else(full: Run, other: Run, by: Actor) -> None:
    blobs = objects_of(full)
    before, others = rows_below(Scope.RUNS, [full.pk]), rows_below(Scope.RUNS, [other.pk])
    assert (
        min(before[name] for name in ("runs.Chunk", "runs.Segment", "files.RunFile", "files.WithheldFile"))
        > 0
    )
    assert blobs <= objects()

    job = finish(erase_run(full, by=by))

    assert (job.step, job.runs, job.files, job.busy_until) == (Step.DONE, 1, 2, None)
    assert job.done_at is not None and job.shredded_at is not None and job.stored_bytes > 0
    assert set(rows_below(Scope.RUNS, [full.pk]).values()) == {0}
    assert not blobs & objects()
    assert not Node.objects.filter(pk=full.vault_node).exists()
    assert not Grant.objects.filter(owner_id=full.vault_node).exists()
    with pytest.raises(KeyGone):
        open_key(NodeId(full.vault_node))
    assert rows_below(Scope.RUNS, [other.pk]) == others
    assert open_run(Run.objects.get(pk=other.pk)).config_text == '{"lr": 1}'
    assert b"".join(read_file(find_file(other, "out/a.txt").file)) == b"out/a.txt"


def test_nobody_finds_a_run_from_the_moment_it_is_asked(
    full: Run, other: Run, vision: Project, by: Actor
) -> None:
    assert select_runs(vision, limit=10).total == 2  # the table of this process is warm

    erase_run(full, by=by)

    assert [each.head.name for each in select_runs(vision, limit=10).runs] == ["other"]
    assert find_run(vision, "full") is None
    with pytest.raises(Erased):
        get_run(by, Permission.RUN_READ, entity="lab", project="vision", name="full")
    held = Run.everything.get(pk=full.pk)
    for was in (full, held):  # by a request that had fetched it before, and by one that found it by its row
        with pytest.raises(Erased):
            log(was, 6)
    with pytest.raises(NotFound):
        erase_run(full, by=by)


def test_files_of_a_run_that_is_being_erased_are_counted_and_erased_nowhere_else(
    full: Run, vision: Project, lab: Entity, by: Actor
) -> None:
    RunFile.objects.filter(run=full).update(is_code=True)

    def counted() -> list[int]:
        return [exposure_of(vision).files, sum_of_code(lab).files, kept_of(lab).files.count]

    assert counted() == [2, 2, 2]

    erase_run(full, by=by)

    assert counted() == [0, 0, 0]
    assert erase_code(lab, by=by) == 0  # it was NotFound


def test_saved_code_of_a_run_that_is_closed_for_a_moment_is_not_left_out(
    full: Run, lab: Entity, by: Actor
) -> None:
    RunFile.objects.filter(run=full).update(is_code=True)
    closed = Run.everything.filter(pk=full.pk)
    closed.update(erased_at=clock.now(), erasure_job=uuid4(), is_back_soon=True)

    assert sum_of_code(lab).files == 2
    with pytest.raises(BackSoon):
        erase_code(lab, by=by)
    closed.update(erased_at=None, erasure_job=None, is_back_soon=False)

    assert (erase_code(lab, by=by), sum_of_code(lab).files) == (2, 0)


def test_the_lines_of_a_run_that_is_being_erased_are_not_due_to_be_compacted(
    full: Run, other: Run, by: Actor
) -> None:
    Run.objects.update(state="finished")
    assert due_runs() == [full.pk, other.pk]

    erase_run(full, by=by)

    assert due_runs() == [other.pk]


def test_outsiders_are_told_nothing_of_what_was_erased(full: Run, by: Actor, mallory: User) -> None:
    advance(erase_run(full, by=by).pk)

    with pytest.raises(NotFound):
        get_run(Actor.person(mallory), Permission.RUN_READ, entity="lab", project="vision", name="full")


@pytest.mark.parametrize("is_done", [False, True])
def test_the_name_of_an_erased_run_is_never_used_again(
    full: Run, vision: Project, by: Actor, is_done: bool
) -> None:
    job = erase_run(full, by=by)
    if is_done:
        advance(job.pk)
    keys = Node.objects.count()

    for make in (start_run, create_run):
        with pytest.raises(Erased):
            make(vision, name="full", by=by, patch=RunPatch())

    assert Node.objects.count() == keys
    assert start_run(vision, name="fuller", by=by, patch=RunPatch())[1]


def test_an_upload_that_was_under_way_leaves_nothing(full: Run, by: Actor) -> None:
    (room,) = announce_files(full, ["late.txt"])
    assert room.file is not None

    def slow() -> Iterator[bytes]:
        yield b"begun"
        erase_run(full, by=by)
        yield b"ended"

    before = objects()
    with pytest.raises(Erased):
        store_file(room.file, slow())
    assert objects() == before


def test_a_project_goes_with_its_runs_and_their_keys(
    full: Run, other: Run, vision: Project, by: Actor, alice: User
) -> None:
    make_share_link(vision, label="x", days=7, by=by)
    save_view(vision, name="v", table={"q": ["loss < 1"]}, by=by)
    assert rows_below(Scope.PROJECT, [vision.pk])["projects.SavedView"] == 1
    for content in (b"1", b"2"):  # one file of two versions, and one of each
        artifacts.version(vision, "set", {"both": b"0", "own": content}, by=by, run=full)
    elsewhere = full_run(work.project("lab", "elsewhere", by=alice), "kept", by=alice)
    kept = rows_below(Scope.PROJECT, [elsewhere.project_id])
    being_erased = erase_run(other, by=by)
    went = would_go(Scope.PROJECT, [vision])
    assert (went.runs, went.running, went.files) == (1, 1, 4)

    nodes = set(Version.objects.values_list("vault_node", flat=True))
    stored = {each.blob.object_name for each in StoredFile.objects.select_related("blob")}
    assert stored <= objects() and len(stored) == 3

    job = erase_project(vision, by=by, at_once=True)
    assert find_project(vision.entity, "vision") is None
    assert Run.objects.filter(project=vision).count() == 0
    for each in (job, being_erased):
        finish(each)

    assert set(rows_below(Scope.PROJECT, [vision.pk]).values()) == {0}
    gone = {vision.vault_node, full.vault_node, other.vault_node, *nodes}
    assert not objects() & stored
    assert not Grant.objects.filter(owner_id__in=gone).exists()
    assert not Node.objects.filter(pk__in=gone).exists()
    assert set(ErasureJob.objects.values_list("step", flat=True)) == {Step.DONE}
    assert rows_below(Scope.PROJECT, [elsewhere.project_id]) == kept
    assert get_or_create_project(by, entity="lab", name="vision").pk != vision.pk


def test_files_go_and_their_names_are_free(full: Run, by: Actor) -> None:
    first, second = (find_file(full, name).file for name in ("out/a.txt", "out/b.txt"))
    assert first.blob is not None
    name = first.blob.object_name

    job = erase_files([first], by=by)
    assert [each.name for each in list_files(full)] == ["out/b.txt"]
    (room,) = announce_files(full, ["out/a.txt"])
    assert room.file is not None
    store_file(room.file, io.BytesIO(b"again"))
    finish(job)

    assert (job.step, job.files, job.runs) == (Step.DONE, 1, 0)
    assert name not in objects()
    assert not Grant.objects.filter(blob_id=first.blob.vault_node).exists()
    assert b"".join(read_file(find_file(full, "out/a.txt").file)) == b"again"
    assert b"".join(read_file(find_file(full, "out/b.txt").file)) == b"out/b.txt"
    assert second.pk in {each.pk for each in files_of(full)}


def test_what_somebody_else_points_at_stays_for_them(full: Run, other: Run, by: Actor) -> None:
    """Equal content may be stored once for two owners: the last to go takes it along."""
    shared = files_of(full)[0].blob
    assert shared is not None
    RunFile.objects.filter(pk=files_of(other)[0].pk).update(blob=shared)

    advance(erase_run(full, by=by).pk)
    assert Blob.objects.filter(pk=shared.pk, state="stored").exists()
    assert shared.object_name in objects()

    advance(erase_run(other, by=by).pk)
    assert not Blob.objects.filter(pk=shared.pk).exists()
    assert shared.object_name not in objects()


class Killed(BaseException):
    """As if the process were gone: nothing of ours catches it."""


def everything_left(job: ErasureJob) -> int:
    return sum(part.rows_of(job).count() for part in parts_of(Scope(job.scope)))


def dies_at(
    monkeypatch: pytest.MonkeyPatch, job: ErasureJob, owner: Any, name: str, *, after: bool, call: int
) -> bool:
    """Whether the worker came to this call of that function and died there, before it or after it."""
    real, calls = getattr(owner, name), []

    def mortal(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        if len(calls) == call and not after:
            raise Killed
        answer = real(*args, **kwargs)
        if len(calls) == call:
            raise Killed
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, mortal)
        try:
            advance(job.pk)
        except Killed:
            return True
    return False


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (steps, "erase_nodes"),
        (steps, "delete_with_rows"),
        (steps, "forget_nodes"),
        (steps, "_count"),
        (services, "_note_done"),
        (proof, "_in_numbers"),
        (proof, "is_done"),
        (receipts, "append"),
        (remainders, "note"),
        (type(default_store()), "delete_all_versions"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_worker_that_dies_anywhere_is_carried_on(
    full: Run, other: Run, by: Actor, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, after: bool
) -> None:
    others, kept = rows_below(Scope.RUNS, [other.pk]), objects_of(other)
    went = objects_of(full)
    job = erase_run(full, by=by)

    if not dies_at(monkeypatch, job, owner, name, after=after, call=1):
        end_epochs()
        assert dies_at(monkeypatch, job, owner, name, after=after, call=1)
    assert list(due_jobs()) == []  # as far as anybody knows a worker is at it
    ErasureJob.objects.filter(pk=job.pk).update(busy_until=clock.now() - timedelta(seconds=1))
    if due_jobs() and dies_at(monkeypatch, job, owner, name, after=after, call=2):
        ErasureJob.objects.filter(pk=job.pk).update(busy_until=clock.now() - timedelta(seconds=1))
    for job_id in due_jobs():
        advance(job_id)
    finish(job)

    assert (job.step, everything_left(job)) == (Step.DONE, 0)
    assert set(rows_below(Scope.RUNS, [full.pk]).values()) == {0}
    assert rows_below(Scope.RUNS, [other.pk]) == others
    assert Tombstone.objects.filter(node_id=full.vault_node).count() == 1
    assert Receipt.objects.filter(job=job.public_id).count() == 1
    assert (went & objects(), kept - objects()) == (set(), set())


def test_a_store_that_fails_is_asked_again_and_the_keys_are_gone_meanwhile(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = erase_run(full, by=by)

    def away(*_: object) -> None:
        raise OSError("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(default_store()), "delete_all_versions", away)
        with pytest.raises(OSError, match="away"):
            advance(job.pk)

    job.refresh_from_db()
    assert (job.step, job.trouble, job.busy_until) == (Step.BYTES, "OSError", None)
    assert not Node.objects.filter(pk=full.vault_node).exists()
    assert list(due_jobs()) == [job.pk]
    finish(job)
    assert (job.step, job.trouble) == (Step.DONE, "")


def test_what_a_store_does_not_let_go_keeps_none_of_the_others(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys are gone with all of them; the first of its bytes stay until the store lets them go."""
    went, stuck = objects_of(full), files_of(full)[0].blob
    store, job = type(default_store()), erase_run(full, by=by)
    assert stuck is not None
    real = store.delete_all_versions

    def refuses(self: Any, *names: str) -> None:
        if stuck.object_name in names:
            raise StoreDenied("refused")
        real(self, *names)

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete_all_versions", refuses)
        for _ in range(2):  # together, then one after the other
            with pytest.raises(StoreDenied):
                advance(job.pk)
        assert went & objects() == {stuck.object_name}
        patch.setattr(services, "_TURN_SECONDS", 0.0)
        with pytest.raises(StoreDenied):  # a turn that is over says so too
            advance(job.pk)
        job.refresh_from_db()
        assert (job.step, job.trouble) == (Step.BYTES, "StoreDenied")

    finish(job)
    assert (job.step, job.trouble, job.files) == (Step.DONE, "", 2)


def test_a_long_job_gives_others_their_turn(full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job = erase_run(full, by=by)
    monkeypatch.setattr(services, "_TURN_SECONDS", -1.0)
    turns = 0
    while job.step != Step.DONE:
        advance(job.pk)
        end_epochs()
        job.refresh_from_db()
        turns += 1
        assert turns < 50

    assert turns > 3
    assert job.tries == turns
    assert set(rows_below(Scope.RUNS, [full.pk]).values()) == {0}


def test_a_job_rests_between_its_batches(full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job, rests = erase_run(full, by=by), list[float]()
    monkeypatch.setattr(services, "_WORKS_FIRST", 0.0)
    monkeypatch.setattr(time, "sleep", rests.append)

    advance(job.pk)

    job.refresh_from_db()
    assert job.proven_at is not None
    assert len(rests) > 3
    assert 0 < sum(rests) <= services._LONGEST_REST * len(rests)


def test_a_small_job_does_not_rest(full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job, rests = erase_run(full, by=by), list[float]()
    monkeypatch.setattr(services, "_WORKS_FIRST", 60.0)
    monkeypatch.setattr(time, "sleep", rests.append)

    advance(job.pk)

    job.refresh_from_db()
    assert job.proven_at is not None
    assert not rests


def test_a_job_says_now_and_then_that_work_goes_on(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, told = erase_run(full, by=by), set[datetime | None]()
    monkeypatch.setattr(services, "_SAID_EVERY", -1.0)
    monkeypatch.setattr(services, "_WORKS_FIRST", 0.0)

    def note(_: float) -> None:
        told.add(ErasureJob.objects.values_list("busy_until", flat=True).get(pk=job.pk))

    monkeypatch.setattr(time, "sleep", note)
    advance(job.pk)

    assert len(told) > 3


def test_two_workers_take_no_job_twice(full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    job = erase_run(full, by=by)
    ErasureJob.objects.filter(pk=job.pk).update(busy_until=clock.now() + timedelta(minutes=1))

    advance(job.pk)

    job.refresh_from_db()
    assert (job.step, job.tries) == (Step.SHRED, 0)


def test_what_was_asked_is_on_the_record_with_it(full: Run, other: Run, by: Actor) -> None:
    job = erase_runs([full, other], by=by)

    events = Event.objects.filter(kind="run.erased").order_by("subject")
    assert {each.subject for each in events} == {full.public_id, other.public_id}
    assert {each.by for each in events} == {by.audit_id}
    assert events[0].facts == {"job": job.public_id, "cause": "asked"}


def test_too_many_none_and_a_mixture_are_refused(
    full: Run, by: Actor, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = work.run(work.project("lab", "elsewhere", by=alice), "x", by=alice)
    with pytest.raises(Invalid):
        erase_runs([], by=by)
    with pytest.raises(Invalid):
        erase_runs([full, elsewhere], by=by)
    monkeypatch.setattr(services, "MOST_AT_ONCE", 1)
    with pytest.raises(TooMuch):
        erase_runs([full, full], by=by)
    assert not ErasureJob.objects.exists()
