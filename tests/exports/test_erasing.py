"""An export ends by an erasure: with what it holds, when it is revoked, and when its time is over."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import QuerySet

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.artifacts.services import link_version, use_version
from apps.audit.models import Event
from apps.blobs.store import default_store
from apps.core import clock
from apps.core.errors import Conflict, NotFound
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.exports import erase_exports, erase_exports_of, erase_old_exports
from apps.erasure.models import ErasureJob
from apps.erasure.parts import erase_parts, renew_key
from apps.erasure.receipts import get_receipt
from apps.erasure.replay import erase_again
from apps.erasure.services import erase_files, erase_project, erase_run, take_exports
from apps.erasure.types import Scope, Step
from apps.exports import services, writing
from apps.exports.holding import claim
from apps.exports.models import Export, ExportItem, ExportPiece
from apps.exports.queries import get_archive, get_export, read_archive
from apps.exports.services import advance, due_exports, export_project, export_runs
from apps.exports.types import ExportState
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.parts import PartKind, RunPart
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.vault.errors import Tampered
from apps.vault.models import Grant, Node, Tombstone
from apps.vault.tree import erase_node
from apps.vault.types import NodeId
from tests.erasure.conftest import files_of, finish
from tests.exports.conftest import full_run, make, opened
from tests.factories import artifacts, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def version(full: Run, vision: Project, by: Actor) -> Version:
    return artifacts.version(vision, "set", {"a": b"a" * 1000}, by=by, run=full)


@pytest.fixture
def ready(version: Version, export: Export) -> Export:
    return make(export)


def is_gone(export: Export) -> bool:
    """No row, no key, no object is left of it."""
    rows = [
        Export.everything.filter(pk=export.pk),
        ExportPiece.objects.filter(export=export.pk),
        ExportItem.objects.filter(export=export.pk),
        Node.objects.filter(pk=export.vault_node),
        Grant.objects.filter(owner_id=export.vault_node),
    ]
    return not any(each.exists() for each in rows)


def _part(run: Run, by: Actor) -> ErasureJob:
    ended = finish_run(run, state=RunState.FINISHED, by=by)
    return erase_parts(ended, [RunPart(PartKind.METRIC, "loss")], by=by)


ACTS: dict[str, Callable[[Run, Version, Project, Actor], ErasureJob]] = {
    "run": lambda run, version, project, by: erase_run(run, by=by),
    "part of a run": lambda run, version, project, by: _part(run, by),
    "file": lambda run, version, project, by: erase_files(files_of(run)[:1], by=by),
    "version": lambda run, version, project, by: erase_versions([version], by=by),
    "artifact": lambda run, version, project, by: erase_artifact(version.collection, by=by),
    "project": lambda run, version, project, by: erase_project(project, by=by, at_once=True),
}


@pytest.mark.parametrize("what", ACTS)
def test_it_goes_with_anything_that_it_holds(
    ready: Export, full: Run, version: Version, vision: Project, by: Actor, what: str
) -> None:
    names = set(ready.pieces.values_list("blob__object_name", flat=True))
    assert names <= {found.name for found in default_store().list()}

    job = ACTS[what](full, version, vision, by)

    with pytest.raises(NotFound):
        get_export(by, public_id=ready.public_id)
    assert finish(job).step == Step.DONE
    assert is_gone(ready)
    assert Tombstone.objects.filter(node_id=ready.vault_node).exists()
    assert not names & {found.name for found in default_store().list()}
    event = Event.objects.get(kind="export.erased")
    assert (event.subject, event.facts["job"]) == (ready.public_id, job.public_id)


def waits(export: Export, state: ExportState) -> None:
    """For more turns than one has that breaks off, with nobody kept waiting behind it."""
    for _turn in range(services._MOST_TRIES + 2):
        advance(export.pk)
        export.refresh_from_db()
        assert (export.state, export.tries, list(due_exports())) == (state, 0, [])
        Export.objects.filter(pk=export.pk).update(waits_until=None)


def test_a_run_that_is_closed_for_a_moment_is_waited_for(export: Export, full: Run, by: Actor) -> None:
    """When it is planned as when it is written: nothing is left out, and nothing is said to be erased that is not."""
    finish_run(full, state=RunState.FINISHED, by=by)
    job = renew_key(full, by=by)
    waits(export, ExportState.QUEUED)
    assert ExportItem.objects.filter(export=export).count() == 1
    finish(job)
    held = claim(export.pk)
    assert held is not None
    services._begin(export, held)
    Export.objects.filter(pk=export.pk).update(busy_until=None, tries=0)
    open_one = Run.everything.filter(pk=full.pk)
    open_one.update(erased_at=clock.now(), erasure_job=uuid4(), is_back_soon=True)
    waits(export, ExportState.RUNNING)
    open_one.update(erased_at=None, erasure_job=None, is_back_soon=False)

    archive = opened(make(export))

    assert json.loads(archive.read("manifest.json"))["not_included"] == []
    assert {"projects/vision/runs/full/run.json", "projects/vision/runs/full/files/model.pt"} <= set(
        archive.namelist()
    )


def test_a_run_gets_no_other_key_while_it_is_written_into_an_archive(full: Run, by: Actor) -> None:
    finish_run(full, state=RunState.FINISHED, by=by)
    export = export_runs([full], by=by)
    with pytest.raises(Conflict):
        renew_key(full, by=by)

    make(export)

    assert finish(renew_key(full, by=by)).step == Step.DONE


def test_one_that_holds_nothing_of_it_stays(ready: Export, vision: Project, alice: User, by: Actor) -> None:
    other = full_run(vision, "other", by=alice)
    made = make(export_runs([other], by=by))

    finish(erase_run(Run.objects.get(pk=other.pk), by=by))

    assert is_gone(made)
    assert len(opened(get_archive(by, public_id=ready.public_id)).namelist()) > 5


@pytest.mark.parametrize("what", ["version", "artifact"])
def test_of_chosen_runs_it_goes_with_what_one_of_them_says_to_have_made(
    full: Run, version: Version, vision: Project, by: Actor, what: str
) -> None:
    """Its bytes are not in there, but its name is."""
    made = make(export_runs([full], by=by))

    finish(ACTS[what](full, version, vision, by))

    assert is_gone(made)


@pytest.mark.parametrize("what", ["run", "project"])
def test_it_goes_with_a_run_elsewhere_that_read_a_version_in_it(
    ready: Export, version: Version, alice: User, by: Actor, what: str
) -> None:
    elsewhere = work.project("alice", "elsewhere", by=alice)
    use_version(reader := work.run(elsewhere, "reader", by=alice), version)
    unread = make(export_runs([full_run(version.collection.project, "unread", by=alice)], by=by))

    finish(ACTS[what](reader, version, elsewhere, by))

    assert (is_gone(ready), is_gone(unread)) == (True, False)


@pytest.mark.parametrize("what", ["version", "artifact", "project"])
def test_of_a_portfolio_it_goes_with_what_is_linked_there(
    version: Version, vision: Project, alice: User, by: Actor, what: str
) -> None:
    elsewhere = work.project("lab", "elsewhere", by=alice)
    link_version(version, elsewhere, name="best", aliases=["best"], by=by)
    made = make(export_project(elsewhere, by=by))
    assert b"set:v0" in opened(made).read("projects/elsewhere/artifacts/dataset/best/collection.json")

    finish(ACTS[what](Run.objects.get(), version, vision, by))

    assert is_gone(made)


def test_in_a_database_from_before_its_end_it_ends_again(ready: Export, by: Actor) -> None:
    erase_node(NodeId(ready.vault_node))

    assert (erase_again(), erase_again()) == (1, 0)

    finish(ErasureJob.objects.get())
    assert is_gone(ready)


def test_its_end_is_proven_and_stated_in_a_receipt(ready: Export, by: Actor) -> None:
    count = ready.pieces.count()

    job = finish(erase_exports([ready], by=by))

    stated = get_receipt(by, public_id=job.public_id)["statement"]
    assert (stated["asked"]["scope"], stated["proof"]["vault"]["tombstones"]) == ("exports", 1)
    assert stated["proof"]["store"]["objects"] == stated["proof"]["vault"]["file_keys"] == count


def test_revoked_it_opens_nowhere_from_that_moment(ready: Export, by: Actor) -> None:
    job = erase_exports([ready], by=by)

    with pytest.raises(NotFound):
        get_archive(by, public_id=ready.public_id)
    finish(job)
    assert (job.scope, is_gone(ready)) == (Scope.EXPORTS, True)
    with pytest.raises(Tampered):
        b"".join(read_archive(ready))


def test_called_off_while_it_is_made_nothing_of_it_is_left(
    version: Version, export: Export, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_PIECE_BYTES", 0)
    monkeypatch.setattr(services, "_TURN_SECONDS", 0.0)
    for _turn in range(3):
        advance(export.pk)
    assert export.pieces.count() == 2
    before = {found.name for found in default_store().list()}
    real: Callable[..., object] = vars(services)["write_blob"]

    def erased_meanwhile(*args: object) -> object:
        stored = real(*args)
        finish(erase_exports([export], by=by))
        return stored

    monkeypatch.setattr(services, "write_blob", erased_meanwhile)

    advance(export.pk)

    assert is_gone(export)
    assert {found.name for found in default_store().list()} < before


def test_its_time_over_it_cannot_be_fetched_and_is_erased(ready: Export, by: Actor) -> None:
    Export.objects.filter(pk=ready.pk).update(expires_at=clock.now() - timedelta(seconds=1))

    with pytest.raises(NotFound):
        get_archive(by, public_id=ready.public_id)
    assert get_export(by, public_id=ready.public_id).state == ExportState.READY
    assert erase_old_exports() == 1
    finish(ErasureJob.objects.get())
    assert is_gone(ready)
    event = Event.objects.get(kind="export.erased")
    assert (event.by, event.facts["cause"]) == ("system", "retention")


def test_before_its_time_is_over_it_stays(ready: Export) -> None:
    assert erase_old_exports() == 0
    assert Export.objects.get(pk=ready.pk) == ready


def test_one_that_failed_is_there_as_long_as_one_that_is_ready_however_long_it_waited(export: Export) -> None:
    long_ago = clock.now() - timedelta(days=8)
    rows = Export.objects.filter(pk=export.pk)
    rows.update(tries=99, asked_at=long_ago, turn_at=long_ago)

    advance(export.pk)

    assert rows.get().state == ExportState.FAILED
    assert erase_old_exports() == 0
    rows.update(turn_at=long_ago)
    assert erase_old_exports() == 1


def test_what_was_written_before_there_was_no_room_any_more_does_not_stay(export: Export) -> None:
    failed = Export.objects.filter(pk=export.pk)
    failed.update(state=ExportState.FAILED.value, trouble="OSError")
    assert erase_old_exports() == 0

    failed.update(trouble="StoreFull")

    assert erase_old_exports() == 1
    finish(ErasureJob.objects.get())
    assert is_gone(export)


def test_exports_that_went_meanwhile_hold_up_neither_what_asked_for_them_nor_those_of_others(
    ready: Export, full: Run, bob: User, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = full_run(work.project("bob", "own", by=bob), "theirs", by=bob)
    other = make(export_runs([theirs], by=Actor.person(bob)))
    Export.objects.update(expires_at=clock.now() - timedelta(seconds=1))

    def taken_before(job: ErasureJob, exports: QuerySet[Export], *, by: Actor) -> int:
        """Of what is listed the first is closed by somebody else before it is locked."""
        exports.filter(pk=ready.pk).update(erased_at=clock.now(), erasure_job=job.uuid)
        return take_exports(job, exports, by=by)

    with monkeypatch.context() as patched:
        patched.setattr("apps.erasure.exports.take_exports", taken_before)
        erase_exports_of(full, by=by)
        assert not ErasureJob.objects.exists() and Export.objects.count() == 2

        assert erase_old_exports() == 1

    job = ErasureJob.objects.get()
    assert (job.entity, Export.everything.get(erasure_job=job.uuid)) == (other.entity, other)
