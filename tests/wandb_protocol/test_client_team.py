"""`wandb.init(entity=team)` and `wandb.Api()` with the real client, by those who are something in the team and by who is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import Json, WandbClient

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
        run = wandb.init(entity="{entity}", project="joint", id="by-{who}", settings=FAST)
        run.log({{"loss": 1}})
        open("notes.txt", "w").write("by {who}")
        run.save("notes.txt", policy="now")
        tell(url=run.url)
        run.finish()
    except Exception as error:
        tell(refused=type(error).__name__, words=str(error))
"""
# What is in the team, read by whoever may; then a change of the run named {mine}.
_READ = """
    api = wandb.Api()
    tell(runs=sorted(run.id for run in api.runs("workshop/joint")))
    run = api.run("workshop/joint/by-boss")
    tell(history=[row["loss"] for row in run.scan_history()])
    tell(file=run.file("notes.txt").download(root="got", replace=True).read())
    tell(members=[[member.name, member.api_key] for member in api.team("workshop").members])
    mine = api.run("workshop/joint/{mine}")
    mine.notes = "written by {who}"
    try:
        mine.update()
    except Exception as error:
        tell(not_updated=str(error))
    tell(notes=wandb.Api().run("workshop/joint/{mine}").notes)
"""
_ASK = """
    api = wandb.Api()
    def failing(call):
        try:
            return f"answered {{call()}}"
        except Exception as error:
            return f"{{type(error).__name__}}: {{error}}"
    tell(
        runs=failing(lambda: list(api.runs("{entity}/joint"))),
        run=failing(lambda: api.run("{entity}/joint/by-boss").id),
        project=failing(lambda: api.project("joint", "{entity}").id),
        team=failing(lambda: api.team("{entity}").members),
    )
"""


@pytest.fixture(scope="module")
def workshop(server: LiveServer) -> LiveServer:
    for name, key in KEYS.items():
        server.account(name, key)
    server.python("-c", _TEAM)
    return server


@pytest.fixture(scope="module")
def of_the_boss(workshop: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Json:
    """What the admin's script told, who logged a run that all others look for."""
    return told(workshop, tmp_path_factory.mktemp("boss"), "boss", _INIT)


def told(server: LiveServer, home: Path, who: str, *scripts: str, entity: str = "workshop") -> Json:
    client = WandbClient(server, home, key=KEYS[who])
    mine = "by-hand" if who == "hand" else "by-boss"
    return client.run("".join(scripts).format(entity=entity, who=who, mine=mine)).told


def assert_all_is_read(facts: Json) -> None:
    """The same by everybody who is in the team; the keys of its people by nobody."""
    assert "by-boss" in facts["runs"]
    assert facts["history"] == [1]
    assert facts["file"] == "by boss"
    assert sorted(facts["members"]) == [["boss", None], ["hand", None], ["look", None]]


def test_an_admin_logs_in_a_team(of_the_boss: Json) -> None:
    assert of_the_boss["url"].endswith("/workshop/joint/runs/by-boss")


def test_a_member_logs_in_a_team_and_reads_all_that_is_in_it(
    workshop: LiveServer, of_the_boss: Json, tmp_path: Path
) -> None:
    facts = told(workshop, tmp_path, "hand", _INIT, _READ)

    assert facts["url"].endswith("/workshop/joint/runs/by-hand")
    assert facts["runs"] == ["by-boss", "by-hand"]
    assert_all_is_read(facts)
    assert "not_updated" not in facts
    assert facts["notes"] == "written by hand"


def test_a_viewer_reads_and_is_refused_to_write_and_reads_why(
    workshop: LiveServer, of_the_boss: Json, tmp_path: Path
) -> None:
    facts = told(workshop, tmp_path, "look", _INIT, _READ)

    assert "Error initializing run" in facts["words"]
    assert re.search(
        r"your role does not allow to (log runs|make projects)\. Its owner or an admin", facts["words"]
    )
    assert_all_is_read(facts)
    assert "your role does not allow" in facts["not_updated"]
    assert not facts["notes"]


def test_a_stranger_hears_the_same_as_of_a_team_that_never_was(
    workshop: LiveServer, of_the_boss: Json, tmp_path: Path
) -> None:
    real, missing = (
        {word: str(text).replace(name, "T") for word, text in facts.items()}
        for name in ("workshop", "no-such-team")
        for facts in [told(workshop, tmp_path, "alien", _INIT, _ASK, entity=name)]
    )

    assert _NOTHING in real["words"]
    assert not [word for word in ("runs", "run", "project", "team") if real[word].startswith("answered")]
    assert real == missing


def test_whoever_is_taken_out_is_a_stranger_with_the_same_key(
    workshop: LiveServer, of_the_boss: Json, tmp_path: Path
) -> None:
    workshop.python(
        "-c",
        "import django; django.setup()\n"
        "from apps.accounts.actors import Actor\nfrom apps.accounts.models import User\n"
        "from apps.teams.models import Entity\nfrom apps.teams.services import remove_member\n"
        "boss = Actor.person(User.objects.get(username='boss'))\n"
        "remove_member(Entity.objects.get(name='workshop'), 'hand', by=boss)\n",
    )

    assert _NOTHING in told(workshop, tmp_path, "hand", _INIT)["words"]
