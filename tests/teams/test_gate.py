from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.access.policy import Permission, Role, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Forbidden, NotFound, OwnlogError
from apps.teams.gate import may, require, role_in, roles_in
from apps.teams.models import Entity
from apps.teams.queries import default_entity
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


def heard(actor: Actor, permission: Permission, entity: Entity, visibility: Visibility | None) -> str:
    try:
        require(actor, permission, entity=entity, visibility=visibility, what="project")
    except OwnlogError as error:
        return error.code
    return "passes"


@pytest.mark.promise("P-23")
@pytest.mark.parametrize(
    ("permission", "visibility", "answers"),
    [
        (Permission.RUN_READ, Visibility.PRIVATE, ("passes", "passes", "passes", "not_found", "not_found")),
        (
            Permission.RUN_WRITE,
            Visibility.PRIVATE,
            ("passes", "passes", "forbidden", "not_found", "not_found"),
        ),
        (
            Permission.PROJECT_ADMIN,
            Visibility.PRIVATE,
            ("passes", "forbidden", "forbidden", "not_found", "not_found"),
        ),
        (
            Permission.RUN_READ,
            Visibility.RESTRICTED,
            ("passes", "not_found", "not_found", "not_found", "not_found"),
        ),
        (Permission.RUN_READ, Visibility.PUBLIC, ("passes", "passes", "passes", "passes", "passes")),
        (
            Permission.RUN_WRITE,
            Visibility.PUBLIC,
            ("passes", "passes", "forbidden", "forbidden", "forbidden"),
        ),
        (Permission.RUN_CREATE, Visibility.OPEN, ("passes", "passes", "passes", "passes", "forbidden")),
        (Permission.PROJECT_CREATE, None, ("passes", "passes", "forbidden", "not_found", "not_found")),
        (Permission.ENTITY_READ, None, ("passes", "passes", "passes", "not_found", "not_found")),
    ],
)
def test_outsiders_hear_not_found_and_insiders_forbidden(
    lab: Entity,
    actors: dict[str, Actor],
    permission: Permission,
    visibility: Visibility | None,
    answers: tuple[str, ...],
) -> None:
    given = tuple(heard(actors[who], permission, lab, visibility) for who in EVERYBODY[:5])

    assert given == answers
    for who, answer in zip(EVERYBODY, answers, strict=False):
        assert may(actors[who], permission, entity=lab, visibility=visibility) is (answer == "passes")


def test_messages_name_the_kind_and_never_the_thing(lab: Entity, vera: User, mallory: User) -> None:
    with pytest.raises(NotFound) as outside:
        require(
            Actor.person(mallory), Permission.RUN_WRITE, entity=lab, visibility=Visibility.PRIVATE, what="run"
        )
    with pytest.raises(Forbidden) as inside:
        require(
            Actor.person(vera), Permission.RUN_WRITE, entity=lab, visibility=Visibility.PRIVATE, what="run"
        )

    assert outside.value.message == "There is no such run, or it is not shared with you."
    assert inside.value.message == "You may see this run, but your role does not allow run:write."
