"""Two who erase, or one who erases and one who uploads, at the same moment: nothing is proven that stands still, nothing waits for ever."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Link, StoredFile, Version
from apps.artifacts.queries.versions import get_open_version
from apps.artifacts.services import link_version, uploads
from apps.artifacts.types import VersionState
from apps.core.errors import Erased, Forbidden, NotFound
from apps.erasure import artifacts as acts
from apps.erasure import services as jobs
from apps.erasure.artifacts import erase_artifact, erase_run_with, erase_versions
from apps.erasure.models import ErasureJob
from apps.erasure.parts import renew_key
from apps.erasure.services import erase_project, erase_run
from apps.erasure.types import Scope, Step
from apps.files.models import RunFile
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.alerts import raise_alert
from apps.runs.bringing import settle_run
from apps.runs.history import store
from apps.runs.history.bringing import put_behind
from apps.runs.models import Run
from apps.runs.queries import get_run_again
from apps.runs.services import update_run
from apps.runs.types import AlertLevel, Lines, PastRun, RunPatch, RunState, Stream, StreamRequest
from apps.vault.models import Node
from apps.vault.tree import create_node
from apps.vault.types import NodeId
from apps.wandb_protocol.filestream import view
from tests.erasure.conftest import files_of, finish
from tests.erasure.test_services import objects, objects_of, rows_below
from tests.factories import artifacts, people
from tests.wandb_protocol.asking import Asker

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]
NEW = {"new": b"new"}


def _as_it_stood(run: Run) -> PastRun:
    return PastRun(
        name="full",
        patch=RunPatch(),
        state=RunState.FINISHED,
        created_at=run.created_at,
        heartbeat_at=run.created_at,
    )


_LATE = StreamRequest(streams={Stream.OUTPUT: Lines(9, ["late"])})
_BRINGS: dict[str, Callable[[Run, Actor], object]] = {
    "lines": lambda run, by: store.append(run, _LATE, by=by),
    "the end": lambda run, by: store.append(run, StreamRequest(streams={}, is_complete=True), by=by),
    "lines from elsewhere": lambda run, _: put_behind(run, Stream.OUTPUT, ["late"], first=0),
    "its words": lambda run, by: update_run(run, RunPatch(notes="late"), by=by),
    "an alert": lambda run, by: raise_alert(
        run, title="late", text="", level=AlertLevel.INFO, wait=timedelta(), by=by
    ),
    "names of files": lambda run, _: announce_files(run, ["late.txt"]),
    "another key": lambda run, by: renew_key(run, by=by),
    "going back": lambda run, _: store.rewind(run, last_step=1),
    "how it stood elsewhere": lambda run, _: settle_run(run, _as_it_stood(run)),
}


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def made(vision: Project, by: Actor) -> Version:
    return artifacts.version(vision, "ds", {"a.txt": b"one"}, by=by)


def test_a_version_is_proven_to_be_gone_when_it_is_also_while_its_artifact_waits(
    by: Actor, made: Version
) -> None:
    (name,) = (each.blob.object_name for each in StoredFile.objects.filter(birth=made))
    assert name in objects()
    job = erase_versions([made], by=by)
    whole = erase_artifact(made.collection, by=by)

    finish(job)

    whole.refresh_from_db()
    assert (job.step, job.versions, whole.shredded_at) == (Step.DONE, 1, None)
    assert set(rows_below(Scope.VERSIONS, [made.pk]).values()) == {0}
    assert not Node.objects.filter(pk=made.vault_node).exists()
    assert name not in objects()
    assert finish(whole).step == Step.DONE


def test_a_run_is_proven_to_be_gone_when_it_is_also_while_its_project_waits(
    vision: Project, full: Run, by: Actor
) -> None:
    blobs = objects_of(full)
    job = erase_run(full, by=by)
    whole = erase_project(vision, by=by, at_once=True)

    finish(job)

    assert (job.step, job.runs, Project.everything.get(pk=vision.pk).erasure_job) == (
        Step.DONE,
        1,
        whole.uuid,
    )
    assert set(rows_below(Scope.RUNS, [full.pk]).values()) == {0}
    assert not Node.objects.filter(pk=full.vault_node).exists()
    assert not blobs & objects()
    assert finish(whole).step == Step.DONE


def test_an_upload_that_begins_while_its_artifact_is_erased_is_refused(
    vision: Project, by: Actor, made: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes: list[NodeId] = []

    def erased_meanwhile(*args: Any, **more: Any) -> NodeId:
        nodes.append(create_node(*args, **more))
        erase_artifact(made.collection, by=by)
        return nodes[0]

    monkeypatch.setattr(uploads, "create_node", erased_meanwhile)
    with pytest.raises(NotFound):
        artifacts.begin(vision, "ds", NEW, by=by)

    assert not Version.everything.filter(state=VersionState.PENDING).exists()
    assert not Node.objects.filter(pk__in=nodes).exists()


def test_an_upload_in_an_erased_artifact_goes_with_it_and_is_not_gone_on_with(
    vision: Project, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = artifacts.begin(vision, "ds", NEW, by=by)
    artifacts.upload(begun, NEW, by=by)
    job = erase_artifact(begun.collection, by=by)
    # As one was stored that came in between: nothing marks it.
    Version.everything.filter(pk=begun.pk).update(
        state=VersionState.PENDING, erased_at=None, erasure_job=None
    )
    monkeypatch.setattr(jobs, "_TURN_SECONDS", 1.0)

    finish(job)

    assert job.step == Step.DONE
    assert not Version.everything.exists() and not StoredFile.objects.exists()


def test_nothing_more_comes_to_an_upload_whose_artifact_is_erased(vision: Project, by: Actor) -> None:
    begun = artifacts.begin(vision, "ds", NEW, by=by)
    assert get_open_version(by, begun.public_id) == begun
    erase_artifact(begun.collection, by=by)
    Version.everything.filter(pk=begun.pk).update(
        state=VersionState.PENDING, erased_at=None, erasure_job=None
    )

    with pytest.raises(NotFound):
        get_open_version(by, begun.public_id)


def test_who_is_asked_about_each_version_is_asked_about_the_last_too(
    vision: Project, by: Actor, bob: User
) -> None:
    bobs = people.actor(bob)
    own = artifacts.version(vision, "bobs", {"a": b"1"}, by=bobs)
    late = artifacts.version(vision, "bobs", {"a": b"2"}, by=by)

    with pytest.raises(Forbidden):
        erase_artifact(own.collection, by=bobs, asks_each=True)
    assert Version.objects.count() == 2 and not ErasureJob.objects.exists()

    erase_versions([late], by=by)
    erase_artifact(own.collection, by=bobs, asks_each=True)
    assert not Version.objects.exists()


def test_a_run_goes_also_when_a_whole_turn_of_its_versions_went_meanwhile(
    vision: Project, run: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "MOST_AT_ONCE", 1)
    made = [artifacts.version(vision, f"set-{n}", {"a": b"1"}, by=by, run=run) for n in range(3)]
    for each in made:
        link_version(each, vision, name="chosen", aliases=[], by=by)
    erase_versions([made[1]], by=by)

    erase_run_with(run, made, by=by)

    assert not Version.objects.exists() and not Run.objects.exists() and not Link.objects.exists()
    assert ErasureJob.objects.filter(scope=Scope.VERSIONS).count() == 3


@pytest.mark.parametrize("is_gone", [False, True], ids=["just closed", "gone"])
def test_who_held_a_run_at_the_moment_of_its_erasure_is_told_that_it_was_erased(
    full: Run, by: Actor, is_gone: bool
) -> None:
    """With whatever they bring: who comes a moment later is told the same."""
    file = RunFile.objects.select_related("run__project__entity").get(pk=files_of(full)[0].pk)
    job = erase_run(full, by=by)
    if is_gone:
        finish(job)

    told = {}
    for name, bring in _BRINGS.items():
        with pytest.raises(Erased) as caught:
            bring(full, by)
        told[name] = caught.value.message
    with pytest.raises(Erased):
        store_file(file, io.BytesIO(b"late"))

    assert set(told.values()) == {"This run was erased. Its name is not used again in this project."}, told


@pytest.mark.parametrize("is_gone", [False, True], ids=["just closed", "gone"])
def test_a_client_that_streams_at_the_moment_of_erasing_is_told_so(
    full: Run, alice: User, by: Actor, monkeypatch: pytest.MonkeyPatch, is_gone: bool
) -> None:
    real = get_run_again

    def erased_meanwhile(*args: Any, **more: Any) -> Run:
        found = real(*args, **more)
        job = erase_run(found, by=by)
        if is_gone:
            finish(job)
        return found

    monkeypatch.setattr(view, "get_run_again", erased_meanwhile)
    lines = {"files": {"output.log": {"offset": 9, "content": ["late"]}}}

    answer = Asker(people.api_key(alice)).stream("lab/vision/full", lines)

    assert answer.status_code == 404 and b"This run was erased" in answer.content
    assert not Run.objects.exists()
