"""A file is there with all its bytes or not at all, whatever happens while it comes in."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.e2e.clients import Client, Http
from tests.e2e.durability.stored import blob_sizes
from tests.live import LiveServer

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]


def begin_put(url: str, data: bytes, part: int) -> socket.socket:
    """Send the head of a PUT and `part` bytes of its body, and leave it there."""
    address = urlsplit(url)
    assert address.hostname is not None
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    head = f"PUT {address.path}{'?' + address.query if address.query else ''} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    connection.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data[:part])
    return connection


def test_upload_cut_by_kill_leaves_nothing_served(own_server: LiveServer) -> None:
    http = Http(own_server.url)
    http.make_run("cut")
    url = http.announce("cut", ["model.bin"])["model.bin"]
    data = os.urandom(4_000_000)

    with begin_put(url, data, 3_000_000):
        time.sleep(0.5)
        own_server.restart()

    assert "model.bin" not in http.files("cut")
    # The address that was handed out before the crash still holds.
    assert http.put(url, data) == 200
    assert http.download("cut", "model.bin") == data


def _wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_upload_that_breaks_off_leaves_no_bytes(own_server: LiveServer) -> None:
    http = Http(own_server.url)
    http.make_run("broken")
    url = http.announce("broken", ["model.bin"])["model.bin"]

    with begin_put(url, os.urandom(4_000_000), 3_000_000):
        # In a bucket an upload that goes on is not to be seen.
        if own_server.remote is None:
            _wait_for(lambda: blob_sizes(own_server) != [])
    _wait_for(lambda: blob_sizes(own_server) == [])

    assert "model.bin" not in http.files("broken")
    assert blob_sizes(own_server) == []


def test_broken_upload_keeps_the_file_it_would_replace(own_server: LiveServer) -> None:
    http = Http(own_server.url)
    http.make_run("again")
    url = http.announce("again", ["model.bin"])["model.bin"]
    first = os.urandom(500_000)
    assert http.put(url, first) == 200

    with begin_put(url, os.urandom(4_000_000), 3_000_000):
        time.sleep(0.5)
        own_server.restart()

    assert http.download("again", "model.bin") == first


SAVE = """
import hashlib, os, wandb
run = wandb.init(project="demo", id="saver")
digests = {}
for number in range(6):
    data = os.urandom(8_000_000)
    name = f"model_{number}.bin"
    with open(name, "wb") as file:
        file.write(data)
    digests[name] = hashlib.sha256(data).hexdigest()
    run.save(name, policy="now")
run.finish()
answer(digests)
"""

FETCH = """
import hashlib, wandb
run = wandb.Api().run("alice/demo/saver")
digests = {}
for file in run.files():
    if file.name.startswith("model_"):
        with file.download(root="fetched") as fetched:
            digests[file.name] = hashlib.sha256(open(fetched.name, "rb").read()).hexdigest()
answer(digests)
"""


def test_client_uploads_through_kills(own_server: LiveServer) -> None:
    with Client(own_server.url) as client:
        saving = client.start(SAVE)
        for stored in (0, 2, 3):
            while len(blob_sizes(own_server)) <= stored:
                assert saving.is_running(), saving.text()
                time.sleep(0.005)
            own_server.restart()

        saved = saving.answer(120)

        assert len(saved) == 6
        assert client.ask(FETCH) == saved
