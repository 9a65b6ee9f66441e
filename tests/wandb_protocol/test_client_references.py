"""References by the real client to a bucket, to another company's bucket and to files of its machine: noted, never fetched."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import Json, WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client"), pytest.mark.promise("P-07")]
WEIGHTS = b"weights in a bucket"
ROWS = b"rows on a disk"
ETAG = hashlib.md5(WEIGHTS, usedforsecurity=False).hexdigest()
# Google's own library is not among what is installed for tests: this much of it is all that the client calls.
GOOGLE = """
    import types
    class Blob:
        name, etag, size, generation = "train/part 1.csv", "CKi1/etag=", 7, 1700000000000001
    class Bucket:
        def get_blob(self, name, generation=None):
            return Blob() if name == Blob.name else None
    class Client:
        def bucket(self, name):
            return Bucket()
    storage = types.SimpleNamespace(Client=Client, Bucket=Bucket, Blob=Blob)
    cloud = types.ModuleType("google.cloud"); cloud.storage = storage
    sys.modules["google.cloud"] = cloud
"""
LOGGED = (
    GOOGLE
    + """
    import pathlib
    pathlib.Path("rows").mkdir(); pathlib.Path("rows/a.csv").write_bytes(b"rows on a disk")
    pathlib.Path("one.csv").write_bytes(b"rows on a disk")
    run = wandb.init(project="refs", id="maker", settings=FAST)
    art = wandb.Artifact("far", "dataset")
    art.add_reference("s3://models/nets/net.bin", name="checked.bin")
    art.add_reference("s3://models/any/place", name="unchecked", checksum=False)
    art.add_reference("gs://data/train/part 1.csv", name="part.csv")
    art.add_reference("gs://data/all", name="folder", checksum=False)
    art.add_reference(pathlib.Path("one.csv").absolute().as_uri())
    art.add_reference(pathlib.Path("rows").absolute().as_uri(), name="disk")
    art.add_reference(pathlib.Path("one.csv").absolute().as_uri(), name="unread.csv", checksum=False)
    run.log_artifact(art).wait(); run.finish()
"""
)
READ = (
    GOOGLE
    + """
    art = wandb.Api().artifact("refs/far:v0")
    entries = art.manifest.entries
    got = art.get_entry("checked.bin").download(root="got"), art.get_entry("disk/a.csv").download(root="got")
    tell(entries={name: [e.ref, e.digest, e.size, e.extra] for name, e in entries.items()}, count=art.file_count, size=art.size,
         bytes=[open(each, "rb").read().decode() for each in got], where=art.get_entry("part.csv").ref_target(),
         files={each.name: [each.digest, each.size] for each in art.files()})
"""
)
# The list of the version and each of its files, as alice sees them.
LOOK = """
import json, sys
from urllib.parse import quote
import django; django.setup()
from django.test import Client
from apps.accounts.models import User

browser = Client()
browser.force_login(User.objects.get(username="alice"), backend="django.contrib.auth.backends.ModelBackend")
def page(path):
    answer = browser.get("/alice/refs/artifacts/dataset/far/v0" + path, headers={"host": "127.0.0.1"})
    return [answer.status_code, answer.content.decode()]
names = json.loads(sys.argv[1])
print(json.dumps({"": page(""), "?in=disk": page("?in=disk")} | {n: page("/preview/" + quote(n)) for n in names}))
"""


class _Bucket(BaseHTTPRequestHandler):
    """As much of S3 as a reference asks for: what an object is, and its bytes."""

    def do_HEAD(self) -> None:
        is_there = self.path == "/models/nets/net.bin"
        self.send_response(200 if is_there else 404)
        self.send_header("ETag", f'"{ETAG}"')
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(WEIGHTS) if is_there else 0))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(WEIGHTS)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Bucket) as served:
        Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("references")


@pytest.fixture(scope="module")
def read(server: LiveServer, home: Path, bucket: str) -> Json:
    client = WandbClient(server, home)
    amazon = {
        "AWS_S3_ENDPOINT_URL": bucket,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    client.run(LOGGED, code=0, **amazon)
    return client.run(READ, code=0, **amazon).told


def md5_of(data: bytes) -> str:
    """As the client writes it."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


@pytest.fixture
def expected(home: Path) -> dict[str, list[Any]]:
    """By its name each reference: where it lies, its digest, its size and what else its store said of it."""
    file = home / "one.csv"
    return {
        "checked.bin": ["s3://models/nets/net.bin", ETAG, len(WEIGHTS), {"etag": ETAG}],
        "unchecked": ["s3://models/any/place", "s3://models/any/place", 0, {}],
        "part.csv": ["gs://data/train/part 1.csv", "CKi1/etag=", 7, {"versionID": 1700000000000001}],
        "folder": ["gs://data/all", "gs://data/all", 0, {}],
        "one.csv": [file.as_uri(), md5_of(ROWS), len(ROWS), {}],
        "disk/a.csv": [f"{home.as_uri()}/rows/a.csv", md5_of(ROWS), len(ROWS), {}],
        "unread.csv": [file.as_uri(), md5_of(file.as_uri().encode()), len(ROWS), {}],
    }


def test_the_manifest_says_where_each_lies_and_what_it_was(
    read: Json, expected: dict[str, list[Any]]
) -> None:
    assert read["entries"] == expected
    assert read["count"] == len(expected)
    assert read["where"] == "gs://data/train/part 1.csv"


def test_the_list_of_files_has_their_digests_and_sizes(read: Json, expected: dict[str, list[Any]]) -> None:
    assert read["files"] == {name: [digest, size] for name, (_ref, digest, size, _extra) in expected.items()}


def test_pages_say_where_they_lie_and_lead_nowhere(
    read: Json, server: LiveServer, expected: dict[str, list[Any]]
) -> None:
    pages = json.loads(server.python("-c", LOOK, json.dumps(list(expected))))
    listed = pages[""][1] + pages["?in=disk"][1]

    assert {status for status, _page in pages.values()} == {200}
    for name, (ref, _digest, size, _extra) in expected.items():
        assert f'title="{ref}">lies at ' in listed
        assert f'<dd class="mono"><bdi>{ref}</bdi></dd>' in pages[name][1]
        assert f"<dt>Size</dt><dd>{size} B</dd>" in pages[name][1]
        assert f'href="{ref}' not in listed + pages[name][1]


def test_the_client_fetches_them_from_where_they_lie(read: Json) -> None:
    assert read["bytes"] == [WEIGHTS.decode(), ROWS.decode()]
