"""Two who erase, or one who erases and one who uploads, at the same moment: nothing is proven that stands still, nothing waits for ever."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Link, StoredFile, Version
from apps.artifacts.queries.versions import get_open_version
from apps.artifacts.services import link_version, uploads
from apps.artifacts.types import VersionState
from apps.core.errors import Forbidden, NotFound
from apps.erasure import artifacts as acts
from apps.erasure import services as jobs
from apps.erasure.artifacts import erase_artifact, erase_run_with, erase_versions
from apps.erasure.models import ErasureJob
from apps.erasure.services import erase_project, erase_run
from apps.erasure.types import Scope, Step
from apps.projects.models import Project
from apps.runs.models import Run
from apps.vault.models import Node
from apps.vault.tree import create_node
from apps.vault.types import NodeId
from tests.erasure.conftest import finish
from tests.erasure.test_services import objects, objects_of, rows_below
from tests.factories import artifacts, people

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]
NEW = {"new": b"new"}


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
