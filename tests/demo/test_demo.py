"""`make demo`: a whole world, or nothing at all. Its password is public, so half of it must not stay behind."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.demo.people import NAMES, TEAM
from apps.runs.models import Run
from apps.teams.models import Entity
from tests.factories import people

pytestmark = pytest.mark.django_db


def test_an_empty_instance_is_filled_once(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.OWNLOG_HOSTED = True  # where a team takes a plan, alice is given one
    call_command("demo", "--address", "http://127.0.0.1:8000", runs=4, steps=30)
    people_made, runs_made = User.objects.count(), Run.objects.count()

    assert User.objects.filter(is_service=False).count() == len(NAMES)
    said = capsys.readouterr().out
    assert f"runs: {runs_made}" in said
    assert "sign in as one of them at http://127.0.0.1:8000/sign-in" in said
    with pytest.raises(
        CommandError,
        match="Nothing was made: alice, bob, vera, kumiko-lab, hokuto-institute are here already",
    ):
        call_command("demo", runs=4, steps=30)
    assert (User.objects.count(), Run.objects.count()) == (people_made, runs_made)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_made_where_a_name_is_somebodys(name: str) -> None:
    people.person(name)

    with pytest.raises(CommandError, match=f"Nothing was made: {name} is here already"):
        call_command("demo", runs=4, steps=30)

    assert list(User.objects.values_list("username", flat=True)) == [name]


def test_nothing_is_made_where_a_team_has_the_teams_name() -> None:
    people.team(TEAM, admin=people.person("zoe"))

    with pytest.raises(CommandError, match=f"Nothing was made: {TEAM} is here already"):
        call_command("demo", runs=4, steps=30)

    assert Entity.objects.count() == 2
