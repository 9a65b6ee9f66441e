"""A base URL with a path behind it: what the client is told, and that it gives up at once."""

from __future__ import annotations

import time

import pytest
from django.test import Client

from apps.accounts.models import User
from tests.factories import work
from tests.live import LiveServer
from tests.wandb_protocol.client import IS_OLDER, WandbClient


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/name/graphql", "/a/b/graphql"])
def test_the_answer_says_what_the_address_may_not_have(client: Client, path: str) -> None:
    answer = client.generic("POST", path, b"{}", content_type="application/json")

    assert answer.status_code == 404
    assert "without a path" in answer.json()["errors"][0]["message"]


@pytest.mark.django_db
def test_a_project_may_be_called_graphql(client: Client, alice: User) -> None:
    work.project("alice", "graphql", by=alice)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get("/alice/graphql").status_code == 200


@pytest.mark.live
@pytest.mark.embedded  # about the client and an address
@pytest.mark.xdist_group("wandb client")
@pytest.mark.skipif(IS_OLDER, reason="the words around the message are this version's")
def test_the_client_gives_up_at_once_and_prints_why(client_of_alice: WandbClient, server: LiveServer) -> None:
    began = time.monotonic()
    ended = client_of_alice.run("wandb.init(project='first')", code=1, WANDB_BASE_URL=f"{server.url}/name")

    assert "wandb: ERROR There is no Ownlog at this address." in ended.text
    assert "without a path behind it" in ended.text
    assert time.monotonic() - began < 90  # it would try again for minutes
