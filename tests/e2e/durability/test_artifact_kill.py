"""A version of an artifact is there whole or not at all, whatever happens while it is uploaded."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.clients import Client, ClientProcess, Http
from tests.e2e.durability.stored import blob_sizes, change, count
from tests.e2e.durability.test_restart_during_upload import begin_put
from tests.live import LiveServer

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]

LOG = """
import os, wandb
run = wandb.init(project="demo", id="maker")
made = wandb.Artifact("ds", "dataset")
for name, size in (("small.bin", 1_000), ("deep/large.bin", 700_000)):
    with made.new_file(name, "wb") as file:
        file.write(bytes([size % 251]) * size)
made = run.log_artifact(made).wait()
run.finish()
got = wandb.Api().artifact("alice/demo/ds:latest").download(root="got")
answer([made.version, sorted((name, os.path.getsize(f"{got}/{name}")) for name in made.manifest.entries)])
"""
_SWEEP = "import django; django.setup(); from apps.artifacts.tasks import sweep; sweep(); sweep()"
_CREATE = "mutation($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id } } }"
_FILES = "mutation($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node { uploadUrl } } } } }"


def test_killed_after_each_request_of_an_upload(own_server: LiveServer, tmp_path: Path) -> None:
    """Each kind of request dies once, done and unanswered; the client asks again, and there is one version, whole."""
    died = tmp_path / "died"
    died.touch()
    with Client(own_server.url) as client:
        own_server.kill()
        _launch(own_server, died)
        logging = client.start(LOG)
        _live_through(own_server, logging, died)
        told = logging.answer(60)

    assert told == ["v0", [["deep/large.bin", 700_000], ["small.bin", 1_000]]]
    kinds = died.read_text().split()
    assert {"CommitArtifact", "CreateArtifact", "CreateArtifactFiles", "/storage/entry:700000"} <= set(kinds)
    assert sum(kind.startswith("/storage/manifest:") for kind in kinds) == 1
    assert len(kinds) >= 7, kinds
    assert count(own_server, "artifacts_version") == 1
    assert count(own_server, "artifacts_storedfile") == 2


def _launch(server: LiveServer, died: Path) -> None:
    server.launch("tests.e2e.durability.dying_once:application", OWNLOG_TEST_DIED=str(died))


def _live_through(server: LiveServer, client: ClientProcess, died: Path) -> None:
    while client.is_running():
        if server.process is not None and server.process.poll() is not None:
            is_committed = "CommitArtifact" in died.read_text().split()
            assert count(server, "artifacts_version", "state = 'committed'") == is_committed
            server.kill()
            _launch(server, died)
        time.sleep(0.02)


def test_artifact_file_that_breaks_off_is_nowhere_and_its_version_is_swept(own_server: LiveServer) -> None:
    http = Http(own_server.url)
    http.make_run("maker")
    data = os.urandom(3_000_000)
    new = {"entityName": "alice", "projectName": "demo", "artifactTypeName": "dataset", "digest": "d", "artifactCollectionName": "cut"}  # fmt: skip
    version = http.graphql(_CREATE, {"i": new})["createArtifact"]["artifact"]["id"]
    md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    wanted = {"artifactFiles": [{"artifactID": version, "name": "a.bin", "md5": md5}]}

    def room() -> str | None:
        edges = http.graphql(_FILES, {"i": wanted})["createArtifactFiles"]["files"]["edges"]
        url: str | None = edges[0]["node"]["uploadUrl"]
        return url

    url = room()
    assert url is not None
    with begin_put(url, data, 2_000_000):
        if own_server.remote is None:
            _wait_for(lambda: blob_sizes(own_server) != [])
    _wait_for(lambda: blob_sizes(own_server) == [])
    assert http.put(url, data[:-1] + b"x") == 400
    assert blob_sizes(own_server) == []

    assert room() is not None, "nothing came, so it is asked for again"
    assert http.put(url, data) == 200
    assert room() is None
    change(own_server, "UPDATE artifacts_version SET touched_at='2020-01-01 00:00:00'")
    own_server.python("-c", _SWEEP)
    assert blob_sizes(own_server) == []
    assert [count(own_server, table) for table in ("artifacts_version", "artifacts_storedfile", "blobs_blob")] == [0, 0, 0]  # fmt: skip


def _wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
