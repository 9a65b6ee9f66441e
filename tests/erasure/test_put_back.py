"""A main database put back from a backup: what waits by now waits on, also where it knew nothing of it, and what began is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.artifacts.queries import open_version
from apps.artifacts.queries.links import links_in
from apps.artifacts.services import link_version
from apps.audit.models import Event
from apps.core import clock
from apps.core.errors import Conflict, Erased
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.models import ErasureJob
from apps.erasure.plan import HEADS
from apps.erasure.remembering import remember
from apps.erasure.replay import erase_again, erase_again_if_older
from apps.erasure.services import due_jobs, erase_files, erase_project, erase_run
from apps.erasure.taking_back import erase_now, take_back
from apps.erasure.tasks import sweep
from apps.erasure.teams import erase_team
from apps.erasure.types import Scope, Step
from apps.exports.models import Export
from apps.exports.services import export_project
from apps.files.queries import find_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.queries import get_run, open_run
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.vault.models import Waiting
from apps.vault.tree import discard_blob_key, erase_node
from apps.vault.types import NodeId
from apps.vault.waiting import remembered
from apps.webhooks.models import Delivery
from apps.webhooks.services import make_hook
from apps.webhooks.types import Happening
from tests.erasure.conftest import finish
from tests.erasure.test_services import everything_left
from tests.exports.conftest import make
from tests.factories import artifacts

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def test_what_waits_waits_on_closed_when_the_vault_knows_of_later_erasures(
    lenient: Entity, full: Run, other: Run, by: Actor
) -> None:
    job = erase_run(full, by=by)
    erase_node(NodeId(other.vault_node))  # since the backup

    assert erase_again() == 1

    again = ErasureJob.objects.get(pk=job.pk)
    assert (again.step, again.due_at) == (Step.WAIT, job.asked_at + timedelta(days=3))
    with pytest.raises(Erased):
        get_run(by, Permission.RUN_READ, entity="lab", project="vision", name="full")
    take_back(by, public_id=job.public_id)
    back = get_run(by, Permission.RUN_READ, entity="lab", project="vision", name="full")
    assert open_run(back).config_text == '{"lr": 1}'
    assert not Run.objects.filter(pk=other.pk).exists()


Wanted = tuple[Callable[[], ErasureJob], Callable[[], object]]


def _files(full: Run, by: Actor) -> Wanted:
    file = find_file(full, "out/a.txt").file
    assert file.blob is not None
    node = NodeId(file.blob.vault_node)
    return lambda: erase_files([file], by=by), lambda: discard_blob_key(node)


def _versions(full: Run, by: Actor) -> Wanted:
    version = artifacts.version(full.project, "ds", {"a": b"a"}, by=by)
    return lambda: erase_versions([version], by=by), lambda: erase_node(NodeId(version.vault_node))


def _artifact(full: Run, by: Actor) -> Wanted:
    held = artifacts.version(full.project, "ds", {"a": b"a"}, by=by).collection
    return lambda: erase_artifact(held, by=by), lambda: erase_node(NodeId(held.vault_node))


def _run(full: Run, by: Actor) -> Wanted:
    return lambda: erase_run(full, by=by), lambda: erase_node(NodeId(full.vault_node))


def _project(full: Run, by: Actor) -> Wanted:
    return lambda: erase_project(full.project, by=by), lambda: erase_node(NodeId(full.project.vault_node))


def _team(full: Run, by: Actor) -> Wanted:
    team = full.project.entity
    return lambda: erase_team(team, by=by), lambda: erase_node(NodeId(team.vault_node))


# Of something of each kind: what closes it, and what happens to its keys when it is erased.
_OF: dict[Scope, Callable[[Run, Actor], Wanted]] = {
    Scope.RUNS: _run,
    Scope.PROJECT: _project,
    Scope.TEAM: _team,
    Scope.FILES: _files,
    Scope.VERSIONS: _versions,
    Scope.ARTIFACT: _artifact,
}


@pytest.mark.parametrize("scope", _OF)
def test_what_was_erased_before_its_time_since_does_not_come_back_and_is_erased_again(
    lenient: Entity, vision: Project, full: Run, by: Actor, scope: Scope
) -> None:
    close, loses_its_keys = _OF[scope](full, by)
    job = close()
    assert (erase_again(), job.step) == (0, Step.WAIT)
    loses_its_keys()

    with pytest.raises(Conflict, match="Its keys were destroyed before"):
        take_back(by, public_id=job.public_id)
    assert ErasureJob.objects.get(pk=job.pk).step == Step.WAIT
    assert (erase_again(), list(due_jobs())) == (1, [job.pk])

    finish(job)
    assert (job.step, everything_left(job), erase_again()) == (Step.DONE, 0, 0)


@pytest.mark.parametrize("scope", _OF)
def test_what_was_asked_for_since_waits_again_with_the_moment_that_it_had(
    lenient: Entity, vision: Project, full: Run, by: Actor, scope: Scope
) -> None:
    close, _ = _OF[scope](full, by)
    before = transaction.savepoint()
    job = close()
    remember()
    transaction.savepoint_rollback(before)  # the vault is not put back
    assert not ErasureJob.objects.exists() and not _closed(scope)

    assert (erase_again_if_older(), erase_again()) == (1, 0)

    again = ErasureJob.objects.get()
    for fact in ("public_id", "scope", "asked", "asked_by", "asked_at", "due_at", "step"):
        assert getattr(again, fact) == getattr(job, fact), fact
    assert _closed(scope) == 1 and list(due_jobs()) == []
    take_back(by, public_id=job.public_id)
    assert not _closed(scope)


def test_exports_do_not_wait_with_what_waits_again(full: Run, vision: Project, by: Actor) -> None:
    export = make(export_project(vision, by=by))
    before = transaction.savepoint()
    choose(vision.entity, SettingName.GRACE_DAYS, 3, by=by)  # not so in the database that is put back
    waits = erase_run(full, by=by)
    remember()
    transaction.savepoint_rollback(before)

    assert erase_again_if_older() == 1

    again, own = ErasureJob.objects.order_by("pk")
    assert (again.public_id, again.step) == (waits.public_id, Step.WAIT)
    assert (own.scope, own.step, own.asked) == (Scope.EXPORTS, Step.SHRED, 1)
    take_back(by, public_id=again.public_id)
    finish(own)
    assert (own.step, Export.everything.filter(pk=export.pk).exists()) == (Step.DONE, False)
    assert list(Run.objects.all()) == [full]


def test_what_waits_again_is_the_same_erasure_for_the_record_and_for_webhooks(
    lenient: Entity, full: Run, by: Actor
) -> None:
    make_hook(lenient, "https://hooks.example.org/", happenings=[Happening.ERASURE_DONE], by=by)
    before = transaction.savepoint()
    job = erase_run(full, by=by)
    remember()
    transaction.savepoint_rollback(before)

    assert erase_again_if_older() == 1

    assert Delivery.objects.get().awaits == job.public_id
    assert Delivery.objects.get().facts["erasure"] == job.public_id
    assert Event.objects.get(kind="run.erased").facts["job"] == job.public_id
    take_back(by, public_id=job.public_id)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("whole", [False, True])
def test_links_and_aliases_wait_too_where_there_is_no_grace_in_the_database_that_is_put_back(
    vision: Project, by: Actor, whole: bool
) -> None:
    version = artifacts.version(vision, "ds", {"a": b"a"}, by=by, aliases=("best",))
    link = link_version(version, vision, name="shown", aliases=["shipped"], by=by)
    before = transaction.savepoint()
    choose(vision.entity, SettingName.GRACE_DAYS, 3, by=by)
    job = erase_artifact(version.collection, by=by) if whole else erase_versions([version], by=by)
    remember()
    transaction.savepoint_rollback(before)

    assert erase_again_if_older() == 1

    take_back(by, public_id=job.public_id)
    assert [each.pk for each in links_in(link.collection)] == [link.pk]
    assert set(open_version(Version.objects.get(pk=version.pk)).aliases) >= {"best"}


def _closed(scope: Scope) -> int:
    return HEADS[scope]._base_manager.filter(erased_at__isnull=False).count()


def test_nothing_is_closed_again_that_this_database_knows_to_be_over(
    lenient: Entity, full: Run, other: Run, by: Actor
) -> None:
    back, gone = erase_run(full, by=by), erase_run(other, by=by)
    remember()
    assert [each.job for each in remembered()] == [back.public_id, gone.public_id]

    take_back(by, public_id=back.public_id)
    erase_now(by, public_id=gone.public_id)
    remember()
    (hastened,) = remembered()
    assert (hastened.job, hastened.due_at) == (gone.public_id, ErasureJob.objects.get(pk=gone.pk).due_at)
    finish(gone)
    sweep()

    assert remembered() == [] and erase_again() == 0
    assert list(Run.objects.all()) == [full]


def test_a_database_that_has_seen_acts_since_is_no_older(full: Run, lenient: Entity, by: Actor) -> None:
    before = transaction.savepoint()
    erase_run(full, by=by)
    remember()
    transaction.savepoint_rollback(before)
    Waiting.objects.update(asked_at=clock.now() - timedelta(hours=1))

    assert erase_again_if_older() == 0


def test_the_sweep_closes_what_waits_in_a_database_that_was_put_back_without_a_start(
    full: Run, lenient: Entity, vision: Project, by: Actor
) -> None:
    before = transaction.savepoint()
    job = erase_run(full, by=by)
    remember()
    transaction.savepoint_rollback(before)
    whole = erase_project(vision, by=by)  # what it lay in is closed here: it cannot be

    sweep()
    assert not ErasureJob.objects.filter(public_id=job.public_id).exists()
    take_back(by, public_id=whole.public_id)
    sweep()

    again = ErasureJob.objects.get(public_id=job.public_id)
    assert (again.step, again.due_at, _closed(Scope.RUNS)) == (Step.WAIT, job.due_at, 1)
    sweep()
    assert ErasureJob.objects.count() == 2


def test_what_waits_and_is_not_here_at_all_is_forgotten_when_no_database_is_put_back_any_more(
    full: Run, other: Run, lenient: Entity, by: Actor
) -> None:
    before = transaction.savepoint()
    for run in (full, other):
        erase_run(run, by=by)
    remember()
    transaction.savepoint_rollback(before)
    lost, _here = remembered()
    Waiting.objects.filter(job=lost.job).update(things="abcdefghijklmnopqrst")  # was made since the backup

    sweep()
    assert lost.job in {each.job for each in remembered()}
    Waiting.objects.update(due_at=clock.now() - timedelta(days=31))
    sweep()

    assert lost.job not in {each.job for each in remembered()}
    assert _closed(Scope.RUNS) == 1
