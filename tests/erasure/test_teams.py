"""A whole team: there for nobody at once, one key first, all its rows, its name never again; and taken back while it waits."""

from __future__ import annotations

import pytest

from apps.access.policy import Permission, Role
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.artifacts.models import StoredFile
from apps.artifacts.queries.registries import teams_of_registry
from apps.artifacts.services import create_registry
from apps.core.errors import Conflict, Invalid, NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.queries import team_would_go, would_go
from apps.erasure.taking_back import take_back
from apps.erasure.teams import erase_team
from apps.erasure.types import Scope, Step, TeamWouldGo
from apps.projects.gate import role_in_project
from apps.projects.models import Project
from apps.projects.services import name_in_registry
from apps.projects.types import RegistryRole
from apps.runs.models import Run
from apps.runs.queries import get_run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership, ServiceAccount, Setting
from apps.teams.queries import entities_of, get_team, hidden_from, is_usable_invitation, seen_organisations
from apps.teams.services import (
    accept_invitation,
    choose,
    create_account,
    create_team,
    invite,
    make_service_account,
)
from apps.teams.types import MemberRole
from apps.vault.models import Grant, Node, Tombstone
from tests.erasure.conftest import finish, full_run
from tests.erasure.test_services import objects, objects_of, rows_below
from tests.factories import artifacts, people, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def test_a_team_is_there_for_nobody_at_once_and_comes_back_whole(
    lab: Entity, vision: Project, full: Run, bob: User, by: Actor
) -> None:
    job = erase_team(lab, by=by)

    assert job.step == Step.WAIT
    for who in (by, Actor.person(bob)):
        assert [each.name for each in entities_of(who)] == [who.username]
        with pytest.raises(NotFound):
            get_team(who, Permission.ENTITY_READ, name="lab")
        with pytest.raises(NotFound):
            get_run(who, Permission.RUN_READ, entity="lab", project="vision", name="full")
    with pytest.raises(Conflict):
        create_team("lab", admin=bob, by=Actor.person(bob))
    with pytest.raises(NotFound):
        erase_team(lab, by=by)
    with pytest.raises(NotFound):
        take_back(Actor.person(bob), public_id=job.public_id)

    take_back(by, public_id=job.public_id)

    assert (
        get_run(Actor.person(bob), Permission.RUN_READ, entity="lab", project="vision", name="full") == full
    )


def test_everything_of_a_team_goes_and_nothing_of_anybody_else(
    lab: Entity, vision: Project, full: Run, alice: User, bob: User, by: Actor
) -> None:
    artifacts.version(vision, "set", {"a": b"0"}, by=by, run=full)
    service = make_service_account(lab, "robot", role=MemberRole.MEMBER, by=by)
    elsewhere = full_run(work.project("alice", "own", by=alice), "kept", by=alice)
    kept, stays = rows_below(Scope.PROJECT, [elsewhere.project_id]), objects_of(elsewhere)
    went = objects_of(full) | {each.blob.object_name for each in StoredFile.objects.select_related("blob")}
    assert went <= objects()
    counted = would_go(Scope.TEAM, [lab])
    people = Membership.objects.filter(entity=lab, user__is_service=False).count()
    assert (counted.runs, team_would_go(lab)) == (1, TeamWouldGo(1, 1, people, 1, 0))

    job = finish(erase_team(lab, by=by, at_once=True))

    assert (job.step, job.runs, job.versions) == (Step.DONE, 1, 1)
    assert set(rows_below(Scope.TEAM, [lab.pk]).values()) == {0}
    assert not ServiceAccount.objects.exists()
    assert not User.objects.filter(pk=service.user_id).exists()
    assert not Setting.objects.filter(entity=lab).exists()
    assert Tombstone.objects.filter(node_id=lab.vault_node).count() == 1
    gone = {lab.vault_node, vision.vault_node, full.vault_node}
    assert not Node.objects.filter(pk__in=gone).exists()
    assert not Grant.objects.filter(owner_id__in=gone).exists()
    stone = Entity.everything.get(pk=lab.pk)
    assert (stone.name, stone.public_id) == (f"~{lab.public_id}", lab.public_id)
    assert (went & objects(), stays - objects()) == (set(), set())
    assert rows_below(Scope.PROJECT, [elsewhere.project_id]) == kept
    assert User.objects.filter(pk__in=[alice.pk, bob.pk]).count() == 2
    assert not ApiKey.objects.filter(user=service.user_id).exists()


def test_nobody_is_called_like_an_erased_team_again(lab: Entity, bob: User, by: Actor) -> None:
    finish(erase_team(lab, by=by, at_once=True))

    with pytest.raises(Conflict):
        create_team("lab", admin=bob, by=Actor.person(bob))
    with pytest.raises(Conflict):
        create_account("lab", email="lab@example.com")
    assert create_team("lab2", admin=bob, by=Actor.person(bob)).name == "lab2"


def test_what_is_no_team_is_not_erased_as_one(lab: Entity, alice: User, by: Actor) -> None:
    with pytest.raises(NotFound):
        erase_team(Entity.objects.get(user=alice), by=by)

    assert not ErasureJob.objects.exists()


def test_nobody_is_anything_in_a_registry_by_a_team_that_is_closed(
    lab: Entity, alice: User, bob: User, by: Actor
) -> None:
    institute = people.organisation("institute", admin=alice, teams=[lab])
    shelf = create_registry(institute, name="shelf", by=by)
    name_in_registry(shelf, lab, role=RegistryRole.MEMBER, by=by)
    of_team = Actor.person(bob)
    assert role_in_project(of_team, shelf) is Role.MEMBER
    assert [each.team for each in teams_of_registry(shelf)] == [lab]

    job = erase_team(lab, by=by)

    assert role_in_project(of_team, shelf) is Role.STRANGER
    assert (teams_of_registry(shelf), seen_organisations(of_team)) == ([], [])
    assert seen_organisations(by) == [institute]
    with pytest.raises(Invalid):
        name_in_registry(shelf, bob, role=RegistryRole.MEMBER, by=by)
    take_back(by, public_id=job.public_id)
    assert role_in_project(of_team, shelf) is Role.MEMBER
    assert seen_organisations(of_team) == [institute]


def test_nobody_is_together_with_who_hides_in_a_team_that_is_closed(
    lab: Entity, bob: User, by: Actor
) -> None:
    choose(bob.entity, SettingName.HIDDEN, True, by=Actor.person(bob))
    assert hidden_from(by, [bob.pk]) == set()

    job = erase_team(lab, by=by)

    assert hidden_from(by, [bob.pk]) == {bob.pk}
    take_back(by, public_id=job.public_id)
    assert hidden_from(by, [bob.pk]) == set()


def test_an_invitation_to_a_team_that_is_closed_opens_nothing_until_it_is_back(
    lab: Entity, mallory: User, by: Actor
) -> None:
    _made, secret = invite(lab, role=MemberRole.MEMBER, by=by)
    job = erase_team(lab, by=by)

    assert not is_usable_invitation(secret)
    with pytest.raises(NotFound):
        accept_invitation(secret, by=Actor.person(mallory))
    take_back(by, public_id=job.public_id)
    assert is_usable_invitation(secret)
