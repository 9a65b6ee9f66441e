from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from apps.access.policy import Permission, Role
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound, OwnlogError
from apps.teams.gate import may, role_in, role_in_organisation
from apps.teams.models import Entity, Membership, Organisation, OrganisationMembership
from apps.teams.queries import get_team, my_teams, people_in
from apps.teams.services import change_role, hand_over, leave, remove_member, role_named
from apps.teams.types import MemberRole, OrganisationRole
from tests.factories import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def roles(team: Entity) -> dict[str, str]:
    return {each.name: each.role for each in people_in(team)}


def test_people_are_listed_by_rank_and_name(lab: Entity) -> None:
    people.team("unrelated", admin=people.person("zoe"))

    assert list(roles(lab).items()) == [("alice", "admin"), ("bob", "member"), ("vera", "viewer")]


def test_a_role_changes_and_holds_from_the_next_question_on(lab: Entity, bob: User, by: Actor) -> None:
    change_role(lab, "bob", MemberRole.VIEWER, by=by)

    assert role_in(Actor.person(bob), lab) is Role.VIEWER
    assert not may(Actor.person(bob), Permission.RUN_WRITE, entity=lab)
    event = Event.objects.get(kind="member.role_changed")
    assert (event.subject, event.entity, event.facts) == (
        bob.public_id,
        lab.public_id,
        {"before": "member", "after": "viewer"},
    )


def test_giving_the_role_somebody_has_is_no_act(lab: Entity, by: Actor) -> None:
    change_role(lab, "bob", MemberRole.MEMBER, by=by)
    change_role(lab, "alice", MemberRole.ADMIN, by=by)

    assert not Event.objects.filter(kind="member.role_changed").exists()


def test_whoever_is_removed_is_a_stranger(lab: Entity, bob: User, by: Actor) -> None:
    remove_member(lab, "bob", by=by)

    assert role_in(Actor.person(bob), lab) is Role.STRANGER
    assert Event.objects.filter(kind="member.removed", subject=bob.public_id).count() == 1


def test_members_and_viewers_leave_by_themselves(lab: Entity, bob: User, vera: User) -> None:
    leave(lab, by=Actor.person(bob))
    leave(lab, by=Actor.person(vera))

    assert roles(lab) == {"alice": "admin"}
    assert Event.objects.filter(kind="member.left").count() == 2


@pytest.mark.parametrize(
    "act",
    [
        lambda lab, by: leave(lab, by=by),
        lambda lab, by: remove_member(lab, "alice", by=by),
        lambda lab, by: change_role(lab, "alice", MemberRole.MEMBER, by=by),
        lambda lab, by: change_role(lab, "alice", MemberRole.VIEWER, by=by),
    ],
)
def test_the_last_admin_stays_and_hears_why(
    lab: Entity, by: Actor, act: Callable[[Entity, Actor], None]
) -> None:
    with pytest.raises(Conflict, match="without an admin"):
        act(lab, by)

    assert roles(lab)["alice"] == "admin"


def test_an_admin_who_cannot_sign_in_counts_for_nothing(lab: Entity, bob: User, by: Actor) -> None:
    change_role(lab, "bob", MemberRole.ADMIN, by=by)
    User.objects.filter(pk=bob.pk).update(is_active=False)

    with pytest.raises(Conflict):
        leave(lab, by=by)


def test_an_admin_leaves_when_there_is_another(lab: Entity, bob: User, by: Actor) -> None:
    change_role(lab, "bob", MemberRole.ADMIN, by=by)

    leave(lab, by=by)

    assert roles(lab) == {"bob": "admin", "vera": "viewer"}


def test_a_team_is_handed_over_in_one_act(lab: Entity, by: Actor) -> None:
    hand_over(lab, to="vera", by=by)

    assert roles(lab) == {"alice": "member", "bob": "member", "vera": "admin"}
    with pytest.raises(Forbidden):
        change_role(lab, "alice", MemberRole.ADMIN, by=by)


@pytest.mark.parametrize(("heir", "error"), [("alice", Invalid), ("mallory", NotFound), ("\x00", NotFound)])
def test_a_team_is_not_handed_to_oneself_or_to_strangers(
    lab: Entity, mallory: User, by: Actor, heir: str, error: type[OwnlogError]
) -> None:
    with pytest.raises(error):
        hand_over(lab, to=heir, by=by)

    assert roles(lab)["alice"] == "admin"


ACTS: list[Callable[[Any, Actor], None]] = [
    lambda lab, by: change_role(lab, "bob", MemberRole.ADMIN, by=by),
    lambda lab, by: remove_member(lab, "bob", by=by),
    lambda lab, by: hand_over(lab, to="bob", by=by),
]


@pytest.mark.parametrize("act", ACTS)
def test_only_admins_change_who_is_what(
    lab: Entity, bob: User, vera: User, mallory: User, act: Callable[[Any, Actor], None]
) -> None:
    for insider in (bob, vera):
        with pytest.raises(Forbidden):
            act(lab, Actor.person(insider))
    for outsider in (Actor.person(mallory), Actor.nobody(), Actor.system()):
        with pytest.raises(NotFound):
            act(lab, outsider)

    assert roles(lab) == {"alice": "admin", "bob": "member", "vera": "viewer"}


@pytest.mark.parametrize("name", ["mallory", "nobody-here", "", "\x00", "BOB", "x" * 10_000])
def test_who_is_not_in_the_team_cannot_be_changed(lab: Entity, mallory: User, by: Actor, name: str) -> None:
    with pytest.raises(NotFound):
        change_role(lab, name, MemberRole.ADMIN, by=by)
    with pytest.raises(NotFound):
        remove_member(lab, name, by=by)


@pytest.mark.parametrize("text", ["", "owner", "ADMIN", "\x00", "x" * 10_000])
def test_there_are_three_roles(lab: Entity, text: str) -> None:
    with pytest.raises(Invalid):
        role_named(lab, text)


def test_an_organisation_has_two_roles(lab: Entity, alice: User) -> None:
    institute = people.organisation("institute", admin=alice)

    assert role_named(institute, "member") is OrganisationRole.MEMBER
    with pytest.raises(Invalid):
        role_named(institute, "viewer")


def test_the_same_rules_hold_for_an_organisation(lab: Entity, alice: User, bob: User, by: Actor) -> None:
    institute = people.organisation("institute", admin=alice)
    OrganisationMembership.objects.create(organisation=institute, user=bob, role="member")

    with pytest.raises(Conflict, match="organisation would be without"):
        leave(institute, by=by)
    with pytest.raises(Forbidden):
        remove_member(institute, "alice", by=Actor.person(bob))

    hand_over(institute, to="bob", by=by)
    leave(institute, by=by)

    assert role_in_organisation(by, institute) is Role.STRANGER
    assert {each.name: each.role for each in people_in(institute)} == {"bob": "admin"}


def test_somebodys_own_entity_is_no_team(alice: User, by: Actor) -> None:
    with pytest.raises(NotFound):
        get_team(by, Permission.ENTITY_ADMIN, name="alice")


def test_my_teams_say_my_role_how_many_are_in_and_who_holds_them(lab: Entity, alice: User, bob: User) -> None:
    people.organisation("institute", admin=alice, teams=[lab])
    people.team("attic", admin=bob)

    mine = [(team.name, team.role, team.people, team.organisation) for team in my_teams(Actor.person(bob))]

    assert mine == [("attic", Role.ADMIN, 1, ""), ("lab", Role.MEMBER, 3, "institute")]


# ── Two at once ──


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
@pytest.mark.parametrize("act", ["leave", "demote", "remove each other"])
def test_of_two_last_admins_who_go_at_once_one_stays(alice: User, bob: User, act: str) -> None:
    """On PostgreSQL each of them saw the other before its own act."""
    team = people.team("pair", admin=alice)
    Membership.objects.create(entity=team, user=bob, role=MemberRole.ADMIN.value)
    gate = threading.Barrier(2)
    other = {"alice": "bob", "bob": "alice"}

    def go(user: User) -> str:
        actor = Actor.person(user)
        try:
            gate.wait(timeout=30)
            if act == "leave":
                leave(team, by=actor)
            elif act == "demote":
                change_role(team, user.username, MemberRole.VIEWER, by=actor)
            else:
                remove_member(team, other[user.username], by=actor)
        except OwnlogError as error:
            return error.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(go, (alice, bob)))

    # Whoever was removed first is a stranger by the time they act.
    assert answers in (["conflict", "done"], ["done", "not_found"])
    assert Membership.objects.filter(entity=team, role="admin").count() == 1


def test_organisations_are_made_once_under_a_name(lab: Entity, alice: User) -> None:
    people.organisation("institute", admin=alice)

    for taken in ("institute", "Institute", "lab", "alice"):
        with pytest.raises(Conflict):
            people.organisation(taken, admin=alice)
    with pytest.raises(Conflict):
        people.team("institute", admin=alice)
    with pytest.raises(Conflict):
        people.person("institute")

    assert Organisation.objects.count() == 1


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_a_team_and_an_organisation_that_want_one_name_at_once_do_not_both_get_it(
    alice: User, bob: User
) -> None:
    gate = threading.Barrier(2)

    def make(user: User) -> bool:
        try:
            gate.wait(timeout=30)
            if user.username == "alice":
                people.team("wanted", admin=user)
            else:
                people.organisation("wanted", admin=user)
        except Conflict:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(make, (alice, bob)))

    assert sum(made) == 1
    assert Entity.objects.filter(name="wanted").count() + Organisation.objects.count() == 1
