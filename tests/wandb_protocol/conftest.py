from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.accounts.models import User
from tests.factories import people
from tests.live import LiveServer
from tests.wandb_protocol.asking import Asker
from tests.wandb_protocol.client import WandbClient


@pytest.fixture
def ann(alice: User) -> Asker:
    """Alice, speaking as the client does."""
    return Asker(people.api_key(alice))


@pytest.fixture
def mal(mallory: User) -> Asker:
    return Asker(people.api_key(mallory))


@pytest.fixture(scope="session")
def server() -> Iterator[LiveServer]:
    """One instance for all tests with the real client; each test logs into a project of its own."""
    with LiveServer() as instance:
        instance.account("alice")
        yield instance


@pytest.fixture
def client_of_alice(server: LiveServer, tmp_path: Path) -> WandbClient:
    return WandbClient(server, tmp_path)
