"""Imports of whoever may not any more, that are called off, or whose team is erased: nothing of them stays. And who sees them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import KeyTerms, issue_api_key
from apps.blobs.models import Blob
from apps.core import clock
from apps.core.errors import Forbidden, NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance as advance_erasure
from apps.erasure.taking_back import take_back
from apps.erasure.teams import erase_team
from apps.files.services import bring_files
from apps.imports import bringing, tasks
from apps.imports.bringing import Bringing
from apps.imports.handed_in import advance, forget
from apps.imports.models import Import, ImportItem
from apps.imports.queries import get_import, get_import_to_end, imports_seen_by
from apps.imports.services import give_up
from apps.imports.types import ImportState
from apps.projects.models import Project, SavedView
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership
from apps.teams.services import choose
from apps.vault.models import Node
from apps.vault.types import NodeKind
from tests.exports.conftest import full as full
from tests.imports.handing import Died, at, handed, mortal

pytestmark = pytest.mark.django_db


def test_who_may_make_no_projects_there_any_more_imports_nothing(
    archive: bytes, lab: Entity, bob: User
) -> None:
    job = handed(archive, lab, bob)
    Membership.objects.filter(entity=lab, user=bob).delete()

    advance(job.pk)

    job.refresh_from_db()
    assert job.state == ImportState.GIVEN_UP
    assert Project.objects.filter(entity=lab).count() == Project.everything.filter(entity=lab).count()


def test_who_has_to_go_while_a_worker_is_at_it_imports_nothing(
    archive: bytes, lab: Entity, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = handed(archive, lab, bob)
    there = Project.objects.filter(entity=lab).count()
    at("bring_version", lambda: Membership.objects.filter(entity=lab, user=bob).delete(), monkeypatch)

    advance(job.pk)

    job.refresh_from_db()
    assert (job.state, job.archive) == (ImportState.GIVEN_UP, None)
    assert Project.objects.filter(entity=lab).count() == there
    assert ErasureJob.objects.count() == 1


@pytest.mark.parametrize("name", ["bring_run", "bring_files", "bring_version", "bring_role"])
def test_one_that_is_called_off_while_a_worker_is_at_it_leaves_nothing(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, empty_store: None, name: str
) -> None:
    held = Blob.objects.count()
    job = handed(archive, home, alice)

    def called_off() -> None:
        give_up(job, by=Actor.person(alice))
        forget(job)

    at(name, called_off, monkeypatch)

    advance(job.pk)
    tasks.sweep()

    job.refresh_from_db()
    assert (job.state, ImportItem.objects.count()) == (ImportState.GIVEN_UP, 0)
    erase_all()
    assert not Project.everything.filter(entity=home).exists()
    assert (Run.everything.filter(project__entity=home).count(), Blob.objects.count()) == (0, held)


def test_of_two_workers_one_brings_the_views(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first was slow, and not dead: another one has the import by the time that it comes to them."""
    job, views = handed(archive, home, alice), SavedView.objects.filter(project__entity=home)
    real = Bringing._ids_here

    def taken_over(*args: Any) -> Any:
        Import.objects.filter(pk=job.pk).update(busy_until=clock.now() + timedelta(minutes=1))
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(Bringing, "_ids_here", taken_over)
        advance(job.pk)
    assert views.count() == 0

    Import.objects.filter(pk=job.pk).update(busy_until=None)
    advance(job.pk)
    job.refresh_from_db()
    assert (job.state, views.count()) == (ImportState.DONE, 2)


def erase_all() -> None:
    for _turn in range(20):
        for erasure in ErasureJob.objects.values_list("pk", flat=True):
            advance_erasure(erasure)


def test_a_team_that_is_erased_takes_along_what_was_handed_in(
    archive: bytes, lab: Entity, alice: User, bob: User, empty_store: None
) -> None:
    job = handed(archive, lab, bob)
    sealed = job.archive
    assert sealed is not None

    erase_team(lab, by=Actor.person(alice), at_once=True)
    tasks.sweep()
    erase_all()

    assert not Import.objects.exists()
    assert not Blob.objects.filter(pk=sealed.pk).exists()
    assert not Node.objects.filter(kind=NodeKind.IMPORT).exists()


def test_what_a_team_that_came_back_had_half_of_is_erased(
    archive: bytes, lab: Entity, alice: User, bob: User
) -> None:
    choose(lab, SettingName.PROJECT_GRACE_DAYS, 3, by=Actor.person(alice))
    job = handed(archive, lab, bob)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bringing, "bring_files", mortal(bring_files, 1))
        with pytest.raises(Died):
            advance(job.pk)
    erasure = erase_team(lab, by=Actor.person(alice))
    tasks.sweep()
    assert Import.objects.get().state == ImportState.GIVEN_UP
    there = Project.everything.filter(entity=lab).count()

    take_back(Actor.person(alice), public_id=erasure.public_id)
    tasks.sweep()
    erase_all()

    assert Project.everything.filter(entity=lab).count() == there - 1
    assert not Project.everything.filter(entity=lab).exclude(erased_at=None).exists()


def test_who_sees_an_import(
    archive: bytes, lab: Entity, alice: User, bob: User, vera: User, mallory: User
) -> None:
    job = handed(archive, lab, bob)

    for person in (alice, bob):  # an admin, and who asked
        assert get_import(Actor.person(person), public_id=job.public_id) == job
    only_reads, _secret = issue_api_key(bob, by=Actor.person(bob), terms=KeyTerms(Scope.READ))
    with pytest.raises(Forbidden):
        get_import_to_end(Actor.person(bob, api_key=only_reads), public_id=job.public_id)
    for person in (vera, mallory):
        assert imports_seen_by(Actor.person(person)) == []
        with pytest.raises(NotFound):
            get_import(Actor.person(person), public_id=job.public_id)
