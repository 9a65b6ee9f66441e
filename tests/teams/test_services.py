from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connections

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.queries import no_account_yet
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound, OwnlogError
from apps.teams.models import Entity, Membership
from apps.teams.queries import default_entity, entities_of, get_entity, teams_of
from apps.teams.services import add_member, create_account, create_team, register
from apps.teams.types import EntityKind, MemberRole
from apps.vault.models import Node
from tests.factories import people

pytestmark = pytest.mark.django_db


def test_an_account_comes_with_its_own_entity_and_key(alice: User) -> None:
    own = default_entity(Actor.person(alice))

    assert (own.name, own.kind, own.user) == ("alice", EntityKind.PERSONAL, alice)
    assert Node.objects.get(pk=own.vault_node).kind == "entity"


def test_register_takes_what_a_form_made() -> None:
    user = register(
        User(username="zoe", email="zoe@example.com", password=make_password("x")), may_join=lambda: False
    )

    assert default_entity(Actor.person(user)).name == "zoe"
    assert user.is_superuser


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_of_those_who_sign_up_at_once_one_owns_the_instance_and_where_it_is_closed_the_others_stay_out() -> (
    None
):
    """On PostgreSQL each of them saw no account before its own."""
    gate = threading.Barrier(6)

    def sign_up(number: int) -> bool:
        user = User(username=f"first-{number}", email=f"first-{number}@example.com")
        try:
            gate.wait(timeout=30)
            return register(user, may_join=no_account_yet).is_superuser
        except Forbidden:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        owners = list(pool.map(sign_up, range(6)))

    assert sum(owners) == User.objects.count() == Entity.objects.count() == 1
    assert Node.objects.filter(kind="entity").count() == 1


@pytest.mark.parametrize("name", ["alice", "lab", "LAB", " lab "])
def test_people_and_teams_share_one_namespace(lab: Entity, alice: User, name: str) -> None:
    before = (User.objects.count(), Entity.objects.count(), Node.objects.count())

    with pytest.raises(Conflict):
        create_team(name, admin=alice, by=Actor.person(alice))
    with pytest.raises(Conflict):
        create_account(name, email="new@example.com")

    assert (User.objects.count(), Entity.objects.count(), Node.objects.count()) == before


@pytest.mark.parametrize(
    "name", ["", "a", "admin", "a/b", "../x", "a b", "ü" * 5, "x" * 40, "a\x00b", "\ud800a"]
)
def test_teams_follow_the_rules_of_names(alice: User, name: str) -> None:
    nodes = Node.objects.count()

    with pytest.raises(Invalid):
        create_team(name, admin=alice, by=Actor.person(alice))

    assert [entity.name for entity in Entity.objects.all()] == ["alice"]
    assert Node.objects.count() == nodes


@pytest.mark.parametrize("email", ["alice@example.com", "no address"])
def test_an_account_that_fails_leaves_no_key(alice: User, email: str) -> None:
    nodes = Node.objects.count()

    with pytest.raises(OwnlogError):
        create_account("zoe", email=email)

    assert Node.objects.count() == nodes


def test_add_member_again_changes_the_role(lab: Entity, bob: User) -> None:
    add_member(lab, bob, role=MemberRole.VIEWER)

    assert list(Membership.objects.filter(user=bob).values_list("role", flat=True)) == ["viewer"]


def test_lists_are_of_ones_own_entities(lab: Entity, alice: User, bob: User, mallory: User) -> None:
    people.team("attic", admin=mallory, members=[bob])

    def names(actor: Actor) -> list[list[str]]:
        return [[each.name for each in found] for found in (entities_of(actor), teams_of(actor))]

    assert names(Actor.person(bob)) == [["attic", "bob", "lab"], ["attic", "lab"]]
    assert names(Actor.person(alice)) == [["alice", "lab"], ["lab"]]
    assert names(Actor.nobody()) == [[], []]


@pytest.mark.parametrize("name", ["lab", "LAB", "nothing", "", "\x00", "\ud800", "lab/..", "x" * 5000])
def test_outsiders_hear_one_answer_about_entities(lab: Entity, mallory: User, name: str) -> None:
    for actor in (Actor.person(mallory), Actor.nobody()):
        with pytest.raises(NotFound) as caught:
            get_entity(actor, Permission.ENTITY_READ, name=name)
        assert caught.value.message == "There is no such entity, or it is not shared with you."
