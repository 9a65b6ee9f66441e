"""An organisation: there for nobody at once, its teams stay and find what it said to them until it is gone."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import transaction

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.services import create_registry
from apps.core.errors import Conflict, NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.organisations import erase_organisation, organisation_would_go
from apps.erasure.remembering import remember
from apps.erasure.replay import erase_again
from apps.erasure.taking_back import take_back
from apps.erasure.types import OrganisationWouldGo, Scope, Step
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Invitation, Organisation, OrganisationMembership, Setting
from apps.teams.queries import (
    effective,
    get_organisation,
    my_organisations,
    seen_organisations,
    usable_invitation,
)
from apps.teams.services import choose, create_team, invite
from apps.teams.types import OrganisationRole
from apps.vault.models import Tombstone
from tests.erasure.conftest import finish
from tests.factories import people
from tests.factories.vault import end_epochs

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def institute(lab: Entity, alice: User, by: Actor) -> Organisation:
    """It has a registry, holds the lab and keeps what is in it private."""
    made = people.organisation("institute", admin=alice, teams=[lab])
    create_registry(made, name="models", by=by)
    choose(made, SettingName.PRIVATE_ONLY, True, by=by, enforce=True)
    return Organisation.objects.get(pk=made.pk)


def test_it_is_there_for_nobody_and_comes_back_while_its_word_holds(
    institute: Organisation, lab: Entity, by: Actor, bob: User
) -> None:
    _row, secret = invite(institute, role=OrganisationRole.MEMBER, by=by)
    assert organisation_would_go(institute) == OrganisationWouldGo(registries=1, links=0, people=1, teams=1)

    job = erase_organisation(institute, by=by)

    assert (job.scope, job.step) == (Scope.ORGANISATION, Step.WAIT)
    with pytest.raises(NotFound):
        get_organisation(by, Permission.ENTITY_READ, name="institute")
    assert my_organisations(by) == []
    assert seen_organisations(by) == seen_organisations(Actor.person(bob)) == []
    with pytest.raises(NotFound):
        usable_invitation(secret)
    with pytest.raises(Conflict):
        create_team("institute", admin=bob, by=Actor.person(bob))
    lab.refresh_from_db()
    assert effective(lab, SettingName.PRIVATE_ONLY).is_on
    with pytest.raises(NotFound):
        take_back(Actor.person(bob), public_id=job.public_id)

    take_back(by, public_id=job.public_id)

    assert get_organisation(by, Permission.ENTITY_READ, name="institute") == institute
    assert usable_invitation(secret).organisation == institute


def test_it_goes_with_its_registries_and_its_teams_stay_as_closed_as_they_were(
    institute: Organisation, lab: Entity, vision: Project, by: Actor
) -> None:
    Project.objects.filter(pk=vision.pk).update(visibility=Visibility.PUBLIC.value)  # of before it kept it
    registries = Entity.objects.get(of_organisation=institute)
    invite(institute, role=OrganisationRole.MEMBER, by=by)

    job = finish(erase_organisation(institute, by=by, at_once=True))

    assert job.step == Step.DONE
    assert not Organisation.everything.filter(pk=institute.pk).exists()
    assert not OrganisationMembership.objects.exists() and not Invitation.objects.exists()
    assert not Setting.objects.filter(organisation__isnull=False).exists()
    assert not Project.everything.filter(entity=registries).exists()
    stone = Entity.everything.get(pk=registries.pk)
    assert (stone.name, stone.public_id) == (f"~{institute.public_id}", institute.public_id)
    lab.refresh_from_db()
    vision.refresh_from_db()
    assert (lab.organisation, lab.erased_at, vision.erased_at) == (None, None, None)
    assert vision.visibility == Visibility.PRIVATE.value
    update_project(vision, by=by, visibility=Visibility.PUBLIC)  # from now on its own to decide
    with pytest.raises(Conflict):
        create_team("institute", admin=User.objects.get(username="alice"), by=by)


def test_one_without_registries_leaves_a_name_that_nobody_gets(alice: User, by: Actor) -> None:
    bare = people.organisation("bare", admin=alice)

    finish(erase_organisation(bare, by=by, at_once=True))

    assert Tombstone.objects.filter(kind="entity", name_index__isnull=False).count() == 1
    with pytest.raises(Conflict):
        people.organisation("bare", admin=alice)


@pytest.mark.parametrize("has_registries", [True, False])
def test_a_database_of_before_has_it_erased_again(
    institute: Organisation, alice: User, by: Actor, *, has_registries: bool
) -> None:
    gone = institute if has_registries else people.organisation("bare", admin=alice)
    before = transaction.savepoint()
    finish(erase_organisation(gone, by=by, at_once=True))
    transaction.savepoint_rollback(before)

    assert erase_again() == 1
    finish(ErasureJob.objects.get(scope=Scope.ORGANISATION))

    assert not Organisation.everything.filter(pk=gone.pk).exists()


@pytest.mark.parametrize("has_registries", [True, False])
def test_a_database_of_before_has_it_closed_again(
    institute: Organisation, alice: User, by: Actor, *, has_registries: bool
) -> None:
    closed = institute if has_registries else people.organisation("bare", admin=alice)
    before = transaction.savepoint()
    job = erase_organisation(closed, by=by)
    remember()
    transaction.savepoint_rollback(before)

    assert (erase_again(), erase_again()) == (1, 0)

    assert ErasureJob.objects.get().public_id == job.public_id
    take_back(by, public_id=job.public_id)
    assert Organisation.objects.filter(pk=closed.pk).exists()


def test_on_the_machine_teams_and_organisations_go_by_their_names(
    institute: Organisation, lab: Entity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.vault.epochs.run", end_epochs)

    call_command("erase", "organisation", "institute", "--yes", "institute", "--now")
    call_command("erase", "team", "lab", "--yes", "lab", "--now")

    assert not Organisation.everything.exists()
    assert Entity.everything.get(pk=lab.pk).name == f"~{lab.public_id}"
