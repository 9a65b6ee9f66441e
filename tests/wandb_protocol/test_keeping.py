"""What the settings of an entity let a client leave in its projects: the same at every door, from the next request on."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.files.models import RunFile
from apps.files.queries import withheld_names
from apps.files.types import Withheld
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.teams.choices import SettingName, Value
from apps.teams.queries import default_entity
from apps.teams.services import choose
from tests.factories import people
from tests.wandb_protocol.asking import Asker

pytestmark = pytest.mark.django_db(transaction=True)
MACHINE = {
    "os": "Linux",
    "host": "anns-laptop",
    "git": {"remote": "https://ann:s3cret@git.example/x.git", "commit": "abc"},
}
CONFIG = json.dumps(
    {"lr": {"value": 1}, "_wandb": {"value": {"code_path": "code/a.py", "e": {"w": MACHINE}}}}
)
WAYS = ["the client", "a file of the client", "REST"]


def setting(alice: User, name: SettingName, value: Value) -> None:
    by = Actor.person(alice)
    choose(default_entity(by), name, value, by=by)


def rest(alice: User) -> tuple[Client, dict[str, str]]:
    return Client(), {"Authorization": f"Bearer {people.api_key(alice)}"}


def told(way: str, ann: Asker, alice: User) -> str:
    """What is stored of the machine once it was sent this way."""
    if way == "the client":
        config: str = ann.start(config=CONFIG)["config"]
        return config
    ann.start()
    http, headers = rest(alice)
    if way == "REST":
        http.put("/api/v1/projects/alice/demo/runs/run1/config", CONFIG, "application/json", headers=headers)
        return open_run(Run.objects.get()).config_text
    url = ann.room_for("alice/demo/run1", "wandb-metadata.json")["wandb-metadata.json"]
    assert url is not None
    assert ann.put(url, json.dumps(MACHINE).encode()).status_code == 200
    path = "/api/v1/projects/alice/demo/runs/run1/files/wandb-metadata.json"
    return b"".join(http.get(path, headers=headers).streaming_content).decode()  # type: ignore[attr-defined]


@pytest.mark.promise("P-25")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("level", "code", "stays"),
    [
        ("minimal", False, {"Linux", "abc"}),
        ("minimal", True, {"Linux", "abc", "git.example"}),
        ("all", False, {"Linux", "abc", "anns-laptop"}),
        ("all", True, {"Linux", "abc", "anns-laptop", "git.example"}),
        ("none", True, {"abc"}),
    ],
)
def test_each_level_at_each_door(
    ann: Asker, alice: User, way: str, level: str, code: bool, stays: set[str]
) -> None:
    setting(alice, SettingName.SYSTEM_METADATA, level)
    setting(alice, SettingName.CODE_SAVING, code)

    text = told(way, ann, alice)

    assert {
        word for word in ("Linux", "abc", "anns-laptop", "git.example", "s3cret") if word in text
    } == stays


def test_a_choice_holds_from_the_next_request_on(ann: Asker, alice: User) -> None:
    assert "Linux" in told("the client", ann, alice)
    assert open_run(Run.objects.get()).head.dropped == ["git.remote", "host"]

    setting(alice, SettingName.SYSTEM_METADATA, "none")

    assert "Linux" not in told("the client", ann, alice)
    assert open_run(Run.objects.get()).head.dropped == ["git.remote", "host", "os"]


@pytest.mark.promise("P-25")
def test_none_refuses_the_list_of_packages_and_says_so(ann: Asker, alice: User) -> None:
    ann.start()
    early = ann.room_for("alice/demo/run1", "requirements.txt")["requirements.txt"]
    setting(alice, SettingName.SYSTEM_METADATA, "none")

    assert ann.room_for("alice/demo/run1", "requirements.txt") == {"requirements.txt": None}
    assert early is not None
    assert ann.put(early, b"torch").status_code == 403
    assert withheld_names(Run.objects.get(), Withheld.METADATA) == ["requirements.txt"]
    http, headers = rest(alice)
    path = "/api/v1/projects/alice/demo/runs/run1/files/conda-environment.yaml"
    answer = http.put(path, b"x", "application/octet-stream", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.promise("P-05")
def test_code_has_room_only_while_saving_is_on(ann: Asker, alice: User) -> None:
    ann.start()
    names = ("code/train.py", "diff.patch")
    assert ann.room_for("alice/demo/run1", *names) == dict.fromkeys(names)

    setting(alice, SettingName.CODE_SAVING, True)
    rooms = ann.room_for("alice/demo/run1", *names)
    assert all(rooms.values())
    assert ann.put(str(rooms["code/train.py"]), b"print()").status_code == 200

    setting(alice, SettingName.CODE_SAVING, False)
    assert ann.put(str(rooms["diff.patch"]), b"diff").status_code == 403
    assert withheld_names(Run.objects.get()) == ["code/train.py", "diff.patch"]
    assert RunFile.objects.filter(blob__isnull=False).count() == 1


@pytest.mark.promise("P-05")
def test_the_client_hears_that_code_is_saved_only_from_who_chose_it(ann: Asker, alice: User) -> None:
    query = '{ viewer { flags } entity(name: "alice") { codeSavingEnabled } }'

    def said() -> tuple[bool, bool]:
        data = ann.data(query)
        flags = json.loads(data["viewer"]["flags"])["code_saving_enabled"]
        return flags, data["entity"]["codeSavingEnabled"]

    assert said() == (False, False)
    setting(alice, SettingName.CODE_SAVING, True)
    assert said() == (True, True)


@pytest.mark.promise("P-05")
@pytest.mark.promise("P-12")
def test_a_team_that_saves_code_does_not_choose_for_its_people(ann: Asker, alice: User) -> None:
    lab = people.team("robots", admin=alice)
    choose(lab, SettingName.CODE_SAVING, True, by=Actor.person(alice))

    data = ann.data('{ viewer { flags } entity(name: "robots") { codeSavingEnabled } }')

    assert (json.loads(data["viewer"]["flags"]), data["entity"]) == (
        {"code_saving_enabled": False},
        {"codeSavingEnabled": True},
    )
