"""`make demo`: a whole world, or nothing at all. Its password is public, so half of it must not stay behind."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.demo.live import log_live
from apps.demo.people import NAMES, TEAM
from apps.demo.world import make_world
from apps.runs.models import Run
from apps.runs.services import request_stop
from apps.runs.types import RunState
from apps.teams.models import Entity
from apps.web.lately import lately
from tests.factories import people

pytestmark = pytest.mark.django_db


def test_an_empty_instance_is_filled_once(capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
    settings.OWNLOG_HOSTED = True  # where a team takes a plan, alice is given one
    call_command("demo", "--address", "http://127.0.0.1:8000", runs=4, steps=30)
    people_made, runs_made = User.objects.count(), Run.objects.filter(erased_at=None).count()

    assert User.objects.filter(is_service=False).count() == len(NAMES)
    said = capsys.readouterr().out
    assert f"runs: {runs_made}" in said
    assert "sign in as one of them at http://127.0.0.1:8000/sign-in" in said
    with pytest.raises(
        CommandError,
        match="Nothing was made: alice, bob, vera, kumiko-lab, hokuto-institute are here already",
    ):
        call_command("demo", runs=4, steps=30)
    assert (User.objects.count(), Run.objects.filter(erased_at=None).count()) == (people_made, runs_made)


def test_the_first_look_shows_who_looked_what_is_erased_and_a_run_that_can_be_stopped() -> None:
    world = make_world(runs=3, steps=30)

    now = lately(world.by)
    assert [said.line.is_nobody for said in now.seen] == [True]
    assert len(now.going) == 1
    waited: list[float] = []

    def stopped_from_its_page(seconds: float) -> None:
        run = Run.objects.latest("pk")
        assert run.state == RunState.RUNNING
        assert run.history_lines == 10 + len(waited) + 1
        waited.append(seconds)
        if len(waited) == 3:
            request_stop(run, by=world.by)

    run = log_live(world.by, steps=60, before=10, wait=stopped_from_its_page)

    run.refresh_from_db()
    assert (run.state, len(waited)) == (RunState.KILLED, 3)


def test_ctrl_c_ends_the_live_run_as_a_script_ends() -> None:
    world = make_world(runs=3, steps=30)

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    run = log_live(world.by, steps=60, before=10, wait=interrupted)

    run.refresh_from_db()
    assert run.state == RunState.FINISHED


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
