"""One instance with a few people in it, shared by the tests here; each test works in projects of its own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.secrecy.door import Door
from tests.live import LiveServer, migrated

# What the server prints when an exception got through: our formatter's words, Python's, and the server's own.
BROKEN = ("Traceback (most recent call last)", "unhandled in", "unforeseen", "ERROR", "CRITICAL", "panicked")


PERSONS = ("alice", "bob", "mallory")
PEOPLE = """
import django; django.setup()
import json, sys
from apps.accounts.actors import Actor
from apps.accounts.services import issue_api_key
from apps.teams.services import create_account
for name, key in json.loads(sys.argv[1]).items():
    issue_api_key(create_account(name, email=f"{name}@example.com"), by=Actor.system(), secret=key)
"""


def key_for(name: str) -> str:
    return f"own_{name}_".ljust(40, "k")


@dataclass
class Instance:
    server: LiveServer

    def door(self, name: str = "") -> Door:
        """alice, bob and mallory have accounts and share nothing; without a name it is nobody's."""
        return Door(self.server.url, key_for(name) if name else "")

    @property
    def data(self) -> Path:
        return self.server.data

    def log(self) -> str:
        return self.server.log.read_text(errors="replace")

    def complaints(self, since: int = 0) -> list[str]:
        """Lines of the log that tell of something that was not foreseen. A refused request is."""
        lines = [line for line in self.log()[since:].splitlines() if any(word in line for word in BROKEN)]
        return [line for line in lines if " django.security." not in line]


@pytest.fixture(scope="session")
def instance() -> Iterator[Instance]:
    server = LiveServer()
    try:
        server.prepare_like(migrated()).python("-m", "config.launch.prepare")
        server.python("-c", PEOPLE, json.dumps({name: key_for(name) for name in PERSONS}))
        started = Instance(server.start())
        # The first use of a key from a network is noted: here, before any test compares what is stored.
        for name in PERSONS:
            started.door(name).data("query { viewer { username } }")
        yield started
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def unbroken(instance: Instance) -> Iterator[Instance]:
    """The instance; the test fails as well when the server logged an error meanwhile."""
    since = len(instance.log())
    yield instance
    assert not instance.complaints(since), "\n".join(instance.complaints(since)[:10])


@pytest.fixture
def alice(instance: Instance) -> Door:
    return instance.door("alice")


@pytest.fixture
def mallory(instance: Instance) -> Door:
    return instance.door("mallory")


@pytest.fixture
def project() -> str:
    return f"place-{secrets.token_hex(4)}"
