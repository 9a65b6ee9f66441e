"""Somebody else's open project, by the real client: anybody signed in adds runs and changes their own, nobody else's."""

from __future__ import annotations

import pytest

from tests.e2e.clients import Client
from tests.live import LiveServer

pytestmark = pytest.mark.live
_KEYS = {"alice": "own_" + "a" * 36, "mallory": "own_" + "m" * 36}
_LOG = """
import wandb
run = wandb.init(entity="alice", project=sys.argv[1], name=sys.argv[2])
run.log({"loss": 0.5})
run.finish()
answer(run.id)
"""
_SHARE = """
import django; django.setup()
from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.models import Project
from apps.projects.services import update_project
alice = Actor.person(User.objects.get(username="alice"))
for project in Project.objects.all():
    update_project(project, by=alice, visibility=Visibility.OPEN)
"""
_CHANGE = """
import wandb
run = wandb.Api(timeout=30).run("alice/shared/" + sys.argv[1])
run.tags = ["theirs"]
try:
    run.update()
    answer("changed")
except Exception as error:
    answer(type(error).__name__)
"""


def test_a_stranger_adds_runs_and_changes_their_own() -> None:
    with LiveServer() as server:
        for name, key in _KEYS.items():
            server.account(name, key)
        with (
            Client(server.url, key=_KEYS["alice"]) as alice,
            Client(server.url, key=_KEYS["mallory"], env={"WANDB_INIT_TIMEOUT": "20"}) as mallory,
        ):
            hers = alice.ask(_LOG, "shared", "hers")
            with pytest.raises(RuntimeError):
                mallory.ask(_LOG, "shared", "theirs")
            server.python("-c", _SHARE)

            theirs = mallory.ask(_LOG, "shared", "theirs")

            assert mallory.ask(_CHANGE, theirs) == "changed"
            assert mallory.ask(_CHANGE, hers) != "changed"
            with pytest.raises(RuntimeError):
                mallory.ask(_LOG, "another", "theirs")
