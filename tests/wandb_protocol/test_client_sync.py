"""An offline run that is synced more than once with the real client, also after a sync that broke off."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import PYTHON, WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client")]
OFFLINE = """
    run = wandb.init(project="{project}", id="r", settings=wandb.Settings(x_stats_sampling_interval=0.2))
    for i in range({rows}):
        run.log({{"loss": i}})
    print("first"); print("second", flush=True); time.sleep(1)
    run.finish()
"""
COUNTS = "state historyLineCount eventsLineCount logLineCount historyKeys"


class Gate(ThreadingHTTPServer):
    """Passes everything on to the instance, but of the first batch of rows a few only, and never answers it."""

    daemon_threads = True
    ROWS = 3

    def __init__(self, server: LiveServer) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = server.url
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.is_shut = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """The client is killed in the middle of its requests."""


class _Passing(BaseHTTPRequestHandler):
    server: Gate

    def respond(self) -> None:
        body: bytes | None = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/file_stream"):
            if self.server.is_shut.is_set():
                threading.Event().wait()
            body = self._cut(body or b"")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "content-length"}}
        url = self.server.target + self.path
        passed = urllib.request.Request(url, body or None, headers, method=self.command)
        try:
            with urllib.request.urlopen(passed, timeout=30) as response:
                status, answer = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, answer = error.code, error.read()
        if self.server.is_shut.is_set() and self.path.endswith("/file_stream"):
            threading.Event().wait()  # or the client would take all that was cut off for received
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _cut(self, body: bytes) -> bytes:
        is_packed = self.headers.get("Content-Encoding") == "gzip"
        message = json.loads(gzip.decompress(body) if is_packed else body)
        files: dict[str, Any] = message.get("files") or {}
        if rows := files.get("wandb-history.jsonl"):
            rows["content"] = rows["content"][: Gate.ROWS]
            message.pop("complete", None)
            self.server.is_shut.set()
        text = json.dumps(message).encode()
        return gzip.compress(text) if is_packed else text

    def log_message(self, *_: object) -> None:
        return

    do_GET = do_POST = do_PUT = respond  # noqa: N815  (the names are the library's)


@pytest.fixture
def gate(server: LiveServer) -> Iterator[Gate]:
    with Gate(server) as passing:
        thread = threading.Thread(target=passing.serve_forever, daemon=True)
        thread.start()
        yield passing
        passing.shutdown()


def log_offline(client: WandbClient, project: str, rows: int) -> Path:
    client.run(OFFLINE.format(project=project, rows=rows), WANDB_MODE="offline")
    return next((client.home / "wandb").glob("offline-run-*"))


def told(client: WandbClient, project: str) -> tuple[list[int], list[str], int, str, int]:
    """Steps, own console lines, number of system measurements, state, and how often `loss` was counted."""
    run = client.run_of(project, "r", COUNTS)
    texts = [line["line"] for line in client.lines(project, "r")]
    (counted,) = run["historyKeys"]["keys"]["loss"]["typeCounts"]
    steps = [row["_step"] for row in client.rows(project, "r")]
    own = [text for text in texts if text in {"first", "second"}]
    return steps, own, run["eventsLineCount"], run["state"], counted["count"]


def test_a_second_sync_adds_nothing(client_of_alice: WandbClient) -> None:
    client = client_of_alice
    folder = str(log_offline(client, "twice", 50))
    client.command("sync", folder)
    once = told(client, "twice")

    for _ in range(2):
        client.command("sync", "--include-synced", folder)

    assert (once[:2], once[3:]) == (([*range(50)], ["first", "second"]), ("finished", 50))
    assert told(client, "twice") == once


def test_a_sync_that_was_killed_is_completed_by_the_next(client_of_alice: WandbClient, gate: Gate) -> None:
    client = client_of_alice
    folder = str(log_offline(client, "killed", 50))
    process = subprocess.Popen(
        [PYTHON, "-m", "wandb", "sync", folder],
        cwd=client.home,
        env=client.environment(WANDB_BASE_URL=gate.url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert gate.is_shut.wait(60)
        while client.run_of("killed", "r", "historyLineCount")["historyLineCount"] < Gate.ROWS:
            assert process.poll() is None
    finally:
        kill_all_of(process)
    assert [row["_step"] for row in client.rows("killed", "r")] == [*range(Gate.ROWS)]

    client.command("sync", folder)
    whole = told(client, "killed")
    client.command("sync", "--include-synced", folder)

    assert (whole[:2], whole[3:]) == (([*range(50)], ["first", "second"]), ("finished", 50))
    assert told(client, "killed") == whole


def kill_all_of(process: subprocess.Popen[bytes]) -> None:
    """kill -9 of a process and what it started: they are a group of their own."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
