from __future__ import annotations

from dataclasses import replace

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.access.policy import Permission, Role, Scope
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Forbidden, NotFound, OwnlogError
from apps.teams.gate import may, require, require_in_organisation, role_in, roles_in, those_where
from apps.teams.models import Entity, Organisation, OrganisationMembership
from apps.teams.queries import default_entity, entities_of, entities_where
from apps.teams.types import OrganisationRole
from tests.factories import people

pytestmark = pytest.mark.django_db
EVERYBODY = ("alice", "bob", "vera", "mallory", "nobody", "system")


@pytest.fixture
def actors(alice: User, bob: User, vera: User, mallory: User) -> dict[str, Actor]:
    named = {user.username: Actor.person(user) for user in (alice, bob, vera, mallory)}
    return named | {"nobody": Actor.nobody(), "system": Actor.system()}


@pytest.mark.parametrize(
    ("who", "role"),
    [
        ("alice", Role.ADMIN),
        ("bob", Role.MEMBER),
        ("vera", Role.VIEWER),
        ("mallory", Role.STRANGER),
        ("nobody", Role.NOBODY),
        ("system", Role.NOBODY),
    ],
)
def test_role_in_a_team(lab: Entity, actors: dict[str, Actor], who: str, role: Role) -> None:
    assert role_in(actors[who], lab) is role


@pytest.mark.parametrize("who", EVERYBODY)
def test_role_in_a_persons_own_entity(lab: Entity, alice: User, actors: dict[str, Actor], who: str) -> None:
    own = default_entity(Actor.person(alice))

    expected = {"alice": Role.ADMIN, "nobody": Role.NOBODY, "system": Role.NOBODY}.get(who, Role.STRANGER)
    assert role_in(actors[who], own) is expected


def test_the_instance_owner_is_a_stranger_like_others(lab: Entity, alice: User, mallory: User) -> None:
    """The first account operates the instance; that opens nobody's projects."""
    own = default_entity(Actor.person(mallory))

    assert alice.is_superuser
    assert role_in(Actor.person(alice), own) is Role.STRANGER


@pytest.mark.parametrize("count", [1, 3])
def test_roles_in_many_entities_by_one_question(
    alice: User, bob: User, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    teams = [people.team(f"team{n}", admin=alice, members=[bob]) for n in range(count)]

    with django_assert_num_queries(1):
        roles = roles_in(Actor.person(bob), teams)

    assert roles == {team.pk: Role.MEMBER for team in teams}


def heard(actor: Actor, permission: Permission, entity: Entity) -> str:
    try:
        require(actor, permission, entity=entity, what="entity")
    except OwnlogError as error:
        return error.code
    return "passes"


@pytest.mark.promise("P-23")
@pytest.mark.parametrize(
    ("permission", "answers"),
    [
        (Permission.ENTITY_ADMIN, ("passes", "forbidden", "forbidden", "not_found", "not_found")),
        (Permission.ENTITY_AUDIT, ("passes", "forbidden", "forbidden", "not_found", "not_found")),
        (Permission.PROJECT_CREATE, ("passes", "passes", "forbidden", "not_found", "not_found")),
        (Permission.ENTITY_READ, ("passes", "passes", "passes", "not_found", "not_found")),
    ],
)
def test_outsiders_hear_not_found_and_insiders_forbidden(
    lab: Entity, actors: dict[str, Actor], permission: Permission, answers: tuple[str, ...]
) -> None:
    given = tuple(heard(actors[who], permission, lab) for who in EVERYBODY[:5])

    assert given == answers
    for who, answer in zip(EVERYBODY, answers, strict=False):
        assert may(actors[who], permission, entity=lab) is (answer == "passes")
        assert (lab in those_where(actors[who], permission, [lab])) is (answer == "passes")


def test_messages_name_the_kind_and_never_the_thing(lab: Entity, vera: User, mallory: User) -> None:
    with pytest.raises(NotFound) as outside:
        require(Actor.person(mallory), Permission.PROJECT_CREATE, entity=lab, what="entity")
    with pytest.raises(Forbidden) as inside:
        require(Actor.person(vera), Permission.PROJECT_CREATE, entity=lab, what="entity")

    assert outside.value.message == "There is no such entity, or it is not shared with you."
    assert inside.value.message == (
        "You may see this entity, but your role does not allow to make projects. "
        "Its owner or an admin can give you more."
    )


@pytest.mark.promise("P-24")
@pytest.mark.parametrize(
    ("scope", "answers"),
    [
        (Scope.READ, ("passes", "forbidden", "forbidden")),
        (Scope.WRITE, ("passes", "passes", "forbidden")),
        (Scope.ADMIN, ("passes", "passes", "passes")),
    ],
)
def test_a_key_carries_no_more_than_its_scope(
    lab: Entity, alice: User, scope: Scope, answers: object
) -> None:
    actor = replace(Actor.person(alice), scope=scope)
    asked = (Permission.ENTITY_READ, Permission.PROJECT_CREATE, Permission.ENTITY_ADMIN)

    assert tuple(heard(actor, permission, lab) for permission in asked) == answers
    assert (
        tuple("passes" if may(actor, permission, entity=lab) else "forbidden" for permission in asked)
        == answers
    )


def test_whoever_is_kept_by_a_key_is_told_so(lab: Entity, alice: User) -> None:
    with pytest.raises(Forbidden) as caught:
        require(
            replace(Actor.person(alice), scope=Scope.READ), Permission.ENTITY_ADMIN, entity=lab, what="entity"
        )

    assert caught.value.message == (
        "Your role in this entity allows to change settings, people and keys, but the scope read of this API key does not."
    )


@pytest.mark.promise("P-24")
def test_a_key_for_one_entity_is_nobodys_elsewhere(lab: Entity, alice: User) -> None:
    own = default_entity(Actor.person(alice))
    for_lab = replace(Actor.person(alice), only_entity=lab.pk)
    for_own = replace(Actor.person(alice), only_entity=own.pk)

    assert roles_in(for_lab, [lab, own]) == {lab.pk: Role.ADMIN, own.pk: Role.NOBODY}
    assert roles_in(for_own, [lab, own]) == {lab.pk: Role.NOBODY, own.pk: Role.ADMIN}
    assert (list(entities_of(for_lab)), list(entities_of(for_own))) == ([lab], [own])
    assert entities_where(for_lab, Permission.PROJECT_CREATE) == [lab]
    assert (default_entity(for_lab), default_entity(for_own)) == (lab, own)


def test_a_key_for_an_entity_that_one_has_left_opens_nothing(lab: Entity, bob: User) -> None:
    actor = replace(Actor.person(bob), only_entity=lab.pk)
    lab.memberships.filter(user=bob).delete()

    assert role_in(actor, lab) is Role.STRANGER
    with pytest.raises(NotFound):
        default_entity(actor)


def test_neither_scope_nor_entity_of_a_key_reaches_into_an_organisation(lab: Entity, alice: User) -> None:
    group = Organisation.objects.create(name="group")
    OrganisationMembership.objects.create(organisation=group, user=alice, role=OrganisationRole.ADMIN)
    whole, reading = Actor.person(alice), replace(Actor.person(alice), scope=Scope.READ)
    require_in_organisation(whole, Permission.ENTITY_ADMIN, organisation=group)
    require_in_organisation(reading, Permission.ENTITY_READ, organisation=group)

    with pytest.raises(Forbidden, match="the scope read of this API key does not"):
        require_in_organisation(reading, Permission.ENTITY_ADMIN, organisation=group)
    with pytest.raises(NotFound):
        require_in_organisation(
            replace(whole, only_entity=lab.pk), Permission.ENTITY_READ, organisation=group
        )
