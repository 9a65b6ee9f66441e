"""`wandb.init(entity=team)` with the real client, by those who are something in the team and by who is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client")]
KEYS = {name: f"own_{name}".ljust(40, "t") for name in ("boss", "hand", "look", "alien")}
_NOTHING = "There is no such project, or it is not shared with you."
_TEAM = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.teams.services import add_member, create_team
from apps.teams.types import MemberRole
boss, hand, look = (User.objects.get(username=name) for name in ("boss", "hand", "look"))
team = create_team("workshop", admin=boss, by=Actor.person(boss))
add_member(team, hand, role=MemberRole.MEMBER)
add_member(team, look, role=MemberRole.VIEWER)
"""
_INIT = """
    try:
        run = wandb.init(entity="{entity}", project="joint", id="{run}", settings=FAST)
        run.log({{"loss": 1}})
        tell(url=run.url)
        run.finish()
    except Exception as error:
        tell(refused=type(error).__name__, words=str(error))
"""


@pytest.fixture(scope="module")
def workshop(server: LiveServer) -> LiveServer:
    for name, key in KEYS.items():
        server.account(name, key)
    server.python("-c", _TEAM)
    return server


def told(server: LiveServer, home: Path, who: str, *, entity: str = "workshop") -> dict[str, str]:
    client = WandbClient(server, home, key=KEYS[who])
    return client.run(_INIT.format(entity=entity, run=f"by-{who}")).told


@pytest.mark.parametrize("who", ["boss", "hand"])
def test_who_may_log_in_a_team_does(workshop: LiveServer, tmp_path: Path, who: str) -> None:
    assert told(workshop, tmp_path, who)["url"].endswith(f"/workshop/joint/runs/by-{who}")


def test_a_viewer_is_refused_and_reads_why(workshop: LiveServer, tmp_path: Path) -> None:
    facts = told(workshop, tmp_path, "look")

    assert "Error initializing run" in facts["words"]
    assert re.search(
        r"your role does not allow to (log runs|make projects)\. Its owner or an admin", facts["words"]
    )


def test_a_stranger_hears_the_same_as_of_a_team_that_never_was(workshop: LiveServer, tmp_path: Path) -> None:
    real, missing = (told(workshop, tmp_path, "alien", entity=name) for name in ("workshop", "no-such-team"))

    assert _NOTHING in real["words"]
    assert real["words"].replace("workshop", "T") == missing["words"].replace("no-such-team", "T")


def test_whoever_is_taken_out_is_a_stranger_with_the_same_key(workshop: LiveServer, tmp_path: Path) -> None:
    workshop.python(
        "-c",
        "import django; django.setup()\n"
        "from apps.accounts.actors import Actor\nfrom apps.accounts.models import User\n"
        "from apps.teams.models import Entity\nfrom apps.teams.services import remove_member\n"
        "boss = Actor.person(User.objects.get(username='boss'))\n"
        "remove_member(Entity.objects.get(name='workshop'), 'hand', by=boss)\n",
    )

    assert _NOTHING in told(workshop, tmp_path, "hand")["words"]
