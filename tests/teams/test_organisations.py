from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation, OrganisationMembership
from apps.teams.queries import default_entity, effective, my_organisations, teams_in
from apps.teams.services import (
    add_team,
    choose,
    create_organisation,
    found_team,
    let_team_go,
    may_create_team,
)
from tests.factories import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def institute(alice: User) -> Organisation:
    return people.organisation("institute", admin=alice)


def test_whoever_makes_one_is_its_admin(institute: Organisation, alice: User) -> None:
    (mine,) = my_organisations(Actor.person(alice))

    assert (mine.name, mine.role, mine.people) == ("institute", "admin", 1)
    assert Event.objects.get(kind="organisation.created").subject == institute.public_id
    assert my_organisations(Actor.nobody()) == []


@pytest.mark.parametrize("name", ["", "a", "organisations", "a b", "x" * 40, "a\x00b"])
def test_organisations_follow_the_rules_of_names(alice: User, name: str) -> None:
    with pytest.raises(Invalid):
        create_organisation(name, by=Actor.person(alice))


def test_a_team_is_added_by_an_admin_of_both(
    institute: Organisation, lab: Entity, alice: User, bob: User, mallory: User
) -> None:
    attic = people.team("attic", admin=bob, members=[alice])
    OrganisationMembership.objects.create(organisation=institute, user=bob, role="member")

    with pytest.raises(Forbidden):
        add_team(institute, attic, by=Actor.person(alice))  # no admin of the team
    with pytest.raises(Forbidden):
        add_team(institute, attic, by=Actor.person(bob))  # no admin of the organisation
    with pytest.raises(NotFound):
        add_team(institute, lab, by=Actor.person(mallory))

    add_team(institute, lab, by=Actor.person(alice))

    assert teams_in(institute) == ["lab"]


def test_a_team_is_in_one_organisation(institute: Organisation, lab: Entity, alice: User) -> None:
    other = people.organisation("faculty", admin=alice, teams=[lab])

    with pytest.raises(Conflict):
        add_team(institute, lab, by=Actor.person(alice))

    assert teams_in(other) == ["lab"]


def test_nobodys_own_entity_comes_under_an_organisation(institute: Organisation, alice: User) -> None:
    own = default_entity(Actor.person(alice))

    with pytest.raises(NotFound):
        add_team(institute, own, by=Actor.person(alice))


def test_a_team_that_is_let_go_is_free_of_what_was_enforced(
    institute: Organisation, lab: Entity, alice: User, bob: User
) -> None:
    by = Actor.person(alice)
    add_team(institute, lab, by=by)
    choose(institute, SettingName.CODE_SAVING, True, by=by, enforce=True)
    lab.refresh_from_db()
    assert effective(lab, SettingName.CODE_SAVING).is_on

    with pytest.raises(NotFound):
        let_team_go(institute, "lab", by=Actor.person(bob))
    for unknown in ("attic", "\x00"):
        with pytest.raises(NotFound):
            let_team_go(institute, unknown, by=by)
    let_team_go(institute, "lab", by=by)

    lab.refresh_from_db()
    assert not effective(lab, SettingName.CODE_SAVING).is_on
    assert teams_in(institute) == []


def test_on_an_instance_of_ones_own_everybody_makes_teams(alice: User, bob: User) -> None:
    assert may_create_team(Actor.person(bob))
    assert not may_create_team(Actor.nobody())
    assert found_team("attic", by=Actor.person(bob)).name == "attic"


def test_on_a_hosted_instance_it_takes_an_entitlement(alice: User, settings: Settings) -> None:
    settings.OWNLOG_HOSTED = True
    by = Actor.person(alice)

    assert not may_create_team(by)
    with pytest.raises(Forbidden):
        found_team("attic", by=by)
    with pytest.raises(Forbidden):
        create_organisation("institute", by=by)
    assert not Entity.objects.filter(name="attic").exists()
