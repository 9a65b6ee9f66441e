"""`wandb.Api()` on users, teams, members, invitations and service accounts, with the real client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import WandbClient
from tests.web.mailbox import Mailbox, words_of

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client")]
KEYS = {name: f"own_{name}".ljust(40, "p") for name in ("ada", "ben")}
_KEY_OF_SERVICE = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.teams.models import Entity
from apps.teams.services import KeyWanted, make_service_key
team = Entity.objects.get(name="foundry")
service = team.service_accounts.get()
ada = Actor.person(User.objects.get(username="ada"))
print("KEY", make_service_key(team, service.public_id, KeyWanted(), by=ada)[1])
"""
_REMOVE_SERVICE = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.teams.models import Entity
from apps.teams.services import remove_service_account
team = Entity.objects.get(name="foundry")
ada = Actor.person(User.objects.get(username="ada"))
remove_service_account(team, team.service_accounts.get().public_id, by=ada)
"""


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def foundry(mailbox: Mailbox) -> Iterator[LiveServer]:
    """An instance whose mail goes out."""
    with LiveServer(env=mailbox.env) as instance:
        for name, key in KEYS.items():
            instance.account(name, key)
        yield instance


def test_an_admin_does_with_a_team_what_the_client_offers(
    foundry: LiveServer, tmp_path: Path, mailbox: Mailbox
) -> None:
    told = (
        WandbClient(foundry, tmp_path, key=KEYS["ada"])
        .run(
            """
            api = wandb.Api()
            def listed(team):
                return [[m.name, m.account_type, m.pending, m.api_key] for m in team.members]
            team = api.create_team("foundry")
            tell(made=team.name, first=listed(team), limits=team.storage_bytes)
            tell(invited=[team.invite("zoe@example.com"), team.invite("ben@example.com", admin=True)])
            try:
                api.create_user("new@example.com")
            except Exception as error:
                tell(no_account=str(error))
            tell(by_name=[team.invite("ben"), team.invite("ghost")])
            service = team.create_service_account("Nightly CI")
            tell(service=[service.name, service.account_type, service.api_key])
            team.load(True)
            tell(all=listed(team))
            pending = next(m for m in team.members if m.name == "zoe@example.com")
            tell(withdrawn=pending.delete(), again=pending.delete())
            tell(found=[u.username for u in api.users("ada")], nobody=api.user("ben"))
            viewer = api.viewer
            tell(teams=viewer.teams, default=api.default_entity, before=len(viewer.api_keys))
            key = viewer.generate_api_key("for the night")
            tell(length=len(key), names=[e["node"]["description"] for e in viewer._attrs["apiKeys"]["edges"]])
            fresh = wandb.Api(api_key=key).viewer
            mine = next(name for name in fresh.api_keys if name.endswith(key[-4:]))
            tell(deleted=fresh.delete_api_key(mine), kept=len(wandb.Api().viewer.api_keys))
            """
        )
        .told
    )

    assert (told["made"], told["first"]) == ("foundry", [["ada", "ADMIN", False, None]])
    assert told["limits"] == 0
    assert told["invited"] == [True, True]
    assert told["by_name"] == [False, False]
    assert "Accounts of people are not made through a client" in told["no_account"]
    assert "manage.py create_account" in told["no_account"]
    assert told["service"] == ["Nightly CI", "SERVICE", None]
    assert told["all"] == [
        ["ada", "ADMIN", False, None],
        ["ben@example.com", "ADMIN", True, None],
        ["zoe@example.com", "MEMBER", True, None],
        ["Nightly CI", "SERVICE", False, None],
    ]
    assert (told["withdrawn"], told["found"], told["nobody"]) == (True, ["ada"], None)
    assert told["teams"] == ["ada", "foundry"]
    assert (told["default"], told["before"], told["kept"]) == ("ada", 1, 1)
    assert (told["length"], told["names"], told["deleted"]) == (40, ["", "for the night"], True)
    assert [mail["To"] for mail in mailbox.mails] == ["zoe@example.com", "ben@example.com"]
    assert re.search(rf"{foundry.url}/invitations/[\w-]{{43}}", words_of(mailbox.mails[1]))


def test_a_service_logs_for_its_team_until_it_is_removed(foundry: LiveServer, tmp_path: Path) -> None:
    key = foundry.python("-c", _KEY_OF_SERVICE).split("KEY ")[1].strip()
    told = (
        WandbClient(foundry, tmp_path, key=key)
        .run(
            """
            run = wandb.init(project="nightly", settings=FAST)
            run.log({"loss": 1})
            tell(url=run.url)
            run.finish()
            api = wandb.Api()
            found = api.run(f"foundry/nightly/{run.id}")
            tell(author=found.user.name, default=api.default_entity, teams=api.viewer.teams)
            tell(keys=api.viewer.api_keys, made=api.viewer.generate_api_key("more"))
            """
        )
        .told
    )

    assert "/foundry/nightly/runs/" in told["url"]
    assert (told["author"], told["default"], told["teams"]) == ("Nightly CI", "foundry", ["foundry"])
    assert (told["keys"], told["made"]) == ([], None)

    foundry.python("-c", _REMOVE_SERVICE)
    refused = WandbClient(foundry, tmp_path, key=key).run(
        """
        try:
            wandb.init(project="nightly", settings=FAST)
        except Exception as error:
            tell(words=str(error))
        """
    )
    assert "unknown or has been revoked" in refused.told["words"]


def test_whoever_shares_no_team_sees_nothing_of_it(foundry: LiveServer, tmp_path: Path) -> None:
    told = (
        WandbClient(foundry, tmp_path, key=KEYS["ben"])
        .run(
            """
            api = wandb.Api()
            tell(users=[u.username for u in api.users("ada")])
            for name in ("foundry", "no-such-team"):
                try:
                    api.team(name)
                except Exception as error:
                    tell(**{name: repr(error)})
            """
        )
        .told
    )

    assert told["users"] == []
    assert told["foundry"] == told["no-such-team"]
