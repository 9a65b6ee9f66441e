from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core import clock
from apps.core.errors import Forbidden, Invalid
from apps.plans.models import Entitlement
from apps.plans.queries import entitlement_of
from apps.plans.services import grant_plan, withdraw_plan
from apps.plans.types import Plan
from apps.teams.models import Entity
from apps.teams.services import found_team, may_create_team

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _hosted(settings: Settings) -> None:
    settings.OWNLOG_HOSTED = True


def test_with_a_plan_a_team_can_be_made_and_without_it_not(alice: User, bob: User) -> None:
    with pytest.raises(Forbidden):
        found_team("lab", by=Actor.person(bob))

    grant_plan(bob, Plan.ACADEMIC, by=Actor.person(alice))

    assert found_team("lab", by=Actor.person(bob)).name == "lab"
    assert not may_create_team(Actor.nobody())
    assert not may_create_team(Actor.person(alice))


def test_a_plan_ends_with_its_day_and_its_teams_stay(alice: User, bob: User) -> None:
    held = grant_plan(bob, Plan.TEAM, by=Actor.system(), until=clock.now() + timedelta(days=1))
    found_team("lab", by=Actor.person(bob))
    Entitlement.objects.filter(pk=held.pk).update(until=clock.now())

    assert entitlement_of(Actor.person(bob)) is None
    assert not may_create_team(Actor.person(bob))
    assert Entity.objects.filter(name="lab").exists()


def test_who_is_no_operator_gives_nobody_a_plan_and_takes_none(alice: User, bob: User, vera: User) -> None:
    held = grant_plan(vera, Plan.TEAM, by=Actor.person(alice))

    with pytest.raises(Forbidden):
        grant_plan(bob, Plan.TEAM, by=Actor.person(bob))
    with pytest.raises(Forbidden):
        withdraw_plan(held, by=Actor.person(bob))

    assert list(Entitlement.objects.values_list("user__username", "plan")) == [("vera", "team")]


def test_a_second_plan_replaces_the_first_and_both_are_recorded(alice: User, bob: User) -> None:
    grant_plan(bob, Plan.ACADEMIC, by=Actor.person(alice))
    held = grant_plan(bob, Plan.OPEN_SOURCE, by=Actor.person(alice))
    withdraw_plan(held, by=Actor.person(alice))
    withdraw_plan(held, by=Actor.person(alice))

    assert not may_create_team(Actor.person(bob))
    told = Event.objects.filter(kind__startswith="plan.").order_by("id")
    assert list(told.values_list("kind", "subject", "by", "facts__plan")) == [
        ("plan.granted", bob.public_id, alice.public_id, "academic"),
        ("plan.granted", bob.public_id, alice.public_id, "open_source"),
        ("plan.withdrawn", bob.public_id, alice.public_id, "open_source"),
    ]


def test_a_day_that_is_over_is_refused(alice: User, bob: User) -> None:
    with pytest.raises(Invalid):
        grant_plan(bob, Plan.TEAM, by=Actor.system(), until=clock.now())

    assert not Entitlement.objects.exists()


def test_the_command_gives_a_plan_until_the_end_of_its_day_and_takes_it(alice: User, bob: User) -> None:
    today = clock.now().date()

    call_command("grant_plan", "bob", "academic", "--until", str(today))

    assert may_create_team(Actor.person(bob))
    call_command("grant_plan", "bob", "none")
    assert not may_create_team(Actor.person(bob))


@pytest.mark.parametrize(
    "words",
    [["nobody", "team"], ["bob", "team", "--until", "2026-01-01"], ["bob", "team", "--until", "9999-12-31"]],
)
def test_the_command_says_what_is_wrong(alice: User, bob: User, words: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("grant_plan", *words)

    assert not Entitlement.objects.exists()


def test_an_operator_withdraws_a_plan_in_the_admin(client: Client, alice: User, bob: User) -> None:
    held = grant_plan(bob, Plan.TEAM, by=Actor.system())
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    client.post(
        "/admin/plans/entitlement/", {"action": "withdraw", "_selected_action": [held.pk], "index": "0"}
    )

    assert not may_create_team(Actor.person(bob))
