"""What the real client tells of its packages is what is counted, where somebody chose that, and nothing where nobody did."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.wandb_protocol.client import WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client")]
SCRIPT = """
    with wandb.init(project="counted", settings=FAST) as run:
        run.log({"loss": 1})
"""
_SWITCH = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.teams.choices import SettingName
from apps.teams.services import choose
alice = User.objects.get(username="alice")
choose(alice.entity, SettingName.STATISTICS, {on}, by=Actor.person(alice))
"""


def own(client: WandbClient) -> dict[str, Any]:
    url, key = f"{client.server.url}/api/v1/statistics/mine", f"Bearer {client.key}"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": key})) as response:
        found: dict[str, Any] = json.load(response)
    return found


@pytest.mark.promise("P-02")
def test_what_a_run_ran_with_is_counted_where_its_owner_chose_that(client_of_alice: WandbClient) -> None:
    client_of_alice.run(SCRIPT)
    assert own(client_of_alice) == {"is_counted": False, "items": []}

    client_of_alice.server.python("-c", _SWITCH.format(on=True))
    try:
        found = own(client_of_alice)
    finally:
        client_of_alice.server.python("-c", _SWITCH.format(on=False))

    assert found["is_counted"]
    month = found["items"][0]
    assert month["files"] >= 1
    assert {"django", "numpy", "celery"} <= set(month["libraries"])
    assert not {"wandb", "urllib3"} & set(month["libraries"])
