from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.clients import Client, Http
from tests.live import LiveServer, shared


@pytest.fixture(scope="session")
def prepared() -> LiveServer:
    """An instance with alice in it that is never started: the others begin as copies of it."""
    return shared("with-alice", lambda instance: instance.prepare().account("alice"))


@pytest.fixture(scope="session")
def server(prepared: LiveServer) -> Iterator[LiveServer]:
    """An instance that no test of this folder kills; each test writes runs of its own name."""
    with LiveServer(threads=8).prepare_like(prepared) as live:
        yield live


@pytest.fixture
def own_server(prepared: LiveServer) -> Iterator[LiveServer]:
    """An instance that the test may kill, fill and starve."""
    with LiveServer().prepare_like(prepared) as live:
        yield live


@pytest.fixture
def whole_instance(prepared: LiveServer) -> Iterator[LiveServer]:
    """All that `make up` starts: web server, worker and broker."""
    with LiveServer(with_worker=True).prepare_like(prepared) as live:
        yield live


@pytest.fixture
def http(server: LiveServer) -> Http:
    return Http(server.url)


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    with Client(server.url) as machine:
        yield machine
