"""A file in parts, the server killed after each request that it has done and not answered."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.clients import Http
from tests.e2e.durability.stored import blob_sizes, change, count
from tests.live import LiveServer

pytestmark = [pytest.mark.live, pytest.mark.enable_socket]

_SWEEP = "import django; django.setup(); from apps.artifacts.tasks import sweep; sweep(); sweep()"
_CREATE = (
    "mutation CreateArtifact($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id } } }"
)
_FILES = """mutation CreateArtifactFiles($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node {
    storagePath uploadUrl uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }"""
_COMPLETE = """mutation CompleteMultipartUploadArtifact($i: CompleteMultipartUploadArtifactInput!) {
    completeMultipartUploadArtifact(input: $i) { digest } }"""
PARTS = [os.urandom(150_000), os.urandom(150_000), os.urandom(20)]
WHOLE = b"".join(PARTS)


class Sender:
    """Sends each request again until it is answered, with a new server where the one before died."""

    def __init__(self, server: LiveServer, died: Path) -> None:
        self.server, self.died = server, died
        self.http = Http(server.url)
        self.launch()

    def launch(self) -> None:
        self.server.kill()
        self.server.start("tests.e2e.durability.dying_once:application", OWNLOG_TEST_DIED=str(self.died))

    def until_answered(self, act: Any, *given: Any) -> Any:
        for _attempt in range(3):
            try:
                return act(*given)
            except requests.ConnectionError:
                self.launch()
        raise AssertionError("no answer")

    def graphql(self, query: str, sent: dict[str, Any]) -> Any:
        return next(iter(self.until_answered(self.http.graphql, query, {"i": sent}).values()))

    def put(self, url: str, data: bytes) -> str:
        answered = self.until_answered(lambda: requests.put(url, data=data, timeout=60))
        assert answered.status_code == 200, answered.text
        return str(answered.headers["ETag"])


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _begun(sender: Sender, name: str) -> tuple[str, dict[str, Any]]:
    new = {"entityName": "alice", "projectName": "demo", "artifactTypeName": "dataset", "digest": name, "artifactCollectionName": name, "clientID": name * 20}  # fmt: skip
    version = sender.graphql(_CREATE, new)["artifact"]["id"]
    parts = [{"partNumber": at, "hexMD5": _md5(part).hex()} for at, part in enumerate(PARTS, 1)]
    wanted = {"artifactID": version, "name": "large.bin", "md5": base64.b64encode(_md5(WHOLE)).decode(), "uploadPartsInput": parts}  # fmt: skip
    node = sender.graphql(_FILES, {"artifactFiles": [wanted]})["files"]["edges"][0]["node"]
    return version, node


def test_killed_after_each_request_of_an_upload_in_parts(own_server: LiveServer, tmp_path: Path) -> None:
    died = tmp_path / "died"
    # Of these two the other test of artifacts tells; of parts of one size the first is enough.
    died.write_text("CreateArtifact\nCreateArtifactFiles\n")
    Http(own_server.url).make_run("maker")
    sender = Sender(own_server, died)

    version, node = _begun(sender, "ds")
    urls = node["uploadMultipartUrls"]["uploadUrlParts"]
    assert [each["partNumber"] for each in urls] == [1, 2, 3]
    etags = [sender.put(each["uploadUrl"], part) for each, part in zip(urls, PARTS, strict=True)]
    assert count(own_server, "blobs_blob", "state = 'stored'") == 0
    done = {
        "completeMultipartAction": "Complete",
        "completedParts": [{"partNumber": at, "hexMD5": etag} for at, etag in enumerate(etags, 1)],
        "artifactID": version,
        "storagePath": node["storagePath"],
        "uploadID": node["uploadMultipartUrls"]["uploadID"],
    }
    assert sender.graphql(_COMPLETE, done)["digest"] == base64.b64encode(_md5(WHOLE)).decode()

    kinds = died.read_text().split()[2:]
    assert kinds == ["/storage/part:150000", "/storage/part:20", "CompleteMultipartUploadArtifact"]
    assert count(own_server, "blobs_blob", "state = 'stored'") == 1
    assert len(blob_sizes(own_server)) == 3, "each part once, though two of them were sent twice"

    # Another begins and never ends: nothing of it stays, and of the first nothing goes but with its version.
    _version, node = _begun(sender, "cut")
    sender.put(node["uploadMultipartUrls"]["uploadUrlParts"][0]["uploadUrl"], PARTS[0])
    assert len(blob_sizes(own_server)) == 4
    change(own_server, "UPDATE artifacts_version SET touched_at='2020-01-01 00:00:00'")
    own_server.python("-c", _SWEEP)
    assert blob_sizes(own_server) == []
    tables = ("artifacts_version", "artifacts_storedfile", "blobs_blob", "blobs_blobpart")
    assert [count(own_server, table) for table in tables] == [0, 0, 0, 0]
