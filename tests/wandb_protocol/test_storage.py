from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any

import pytest
from django.core import signing

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import revoke_api_key
from apps.files.models import RunFile
from apps.wandb_protocol.storage import upload
from tests.wandb_protocol.asking import Asker
from tests.wandb_protocol.test_body import cut_off

pytestmark = pytest.mark.django_db(transaction=True)
FILES = """query($names: [String], $pattern: String, $first: Int, $after: String) {
  project(name: "demo", entityName: "alice") { run(name: "run1") { fileCount
    files(names: $names, pattern: $pattern, first: $first, after: $after) { totalCount pageInfo { endCursor hasNextPage }
      edges { cursor node { id name url directUrl sizeBytes mimetype md5 updatedAt } } } } } }"""


def files_of(asker: Asker, **variables: object) -> list[dict[str, Any]]:
    return [edge["node"] for edge in asker.data(FILES, **variables)["project"]["run"]["files"]["edges"]]


def stored(asker: Asker, name: str, data: bytes) -> dict[str, Any]:
    url = asker.room_for("alice/demo/run1", name)[name]
    assert url is not None
    assert asker.put(url, data).status_code == 200
    return files_of(asker, names=[name])[0]


@pytest.fixture
def ann_with_run(ann: Asker) -> Asker:
    ann.start()
    return ann


def test_file_goes_in_and_comes_out(ann_with_run: Asker) -> None:
    data = bytes(range(256)) * 5000

    file = stored(ann_with_run, "sub/ünï.bin", data)

    md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    assert (file["name"], file["sizeBytes"], file["md5"]) == ("sub/ünï.bin", len(data), md5)
    assert b"".join(ann_with_run.get(file["url"]).streaming_content) == data
    assert b"".join(ann_with_run.get(file["directUrl"], with_key=False).streaming_content) == data
    part = ann_with_run.get(file["directUrl"], Range="bytes=1000-1003")
    assert (part.status_code, b"".join(part.streaming_content)) == (206, data[1000:1004])
    assert part["Content-Range"] == f"bytes 1000-1003/{len(data)}"


def test_file_may_be_empty_and_come_again(ann_with_run: Asker) -> None:
    stored(ann_with_run, "a.txt", b"")
    file = stored(ann_with_run, "a.txt", b"second")

    assert b"".join(ann_with_run.get(file["url"]).streaming_content) == b"second"
    assert RunFile.objects.count() == 1


def test_code_gets_no_room_and_bad_names_are_refused_alone(ann_with_run: Asker) -> None:
    names = [
        "code/train.py",
        "a.txt",
        "diff.patch",
        "diff_abc.patch",
        "../x",
        "a\x00b",
        "/etc/passwd",
        "b.txt",
    ]

    rooms = ann_with_run.room_for("alice/demo/run1", *names)

    assert [name for name, url in rooms.items() if url] == ["a.txt", "b.txt"]


def test_announced_file_is_not_there_before_its_bytes(ann_with_run: Asker) -> None:
    ann_with_run.room_for("alice/demo/run1", "a.txt")

    assert files_of(ann_with_run) == []


def test_metadata_is_cut_down_before_it_is_stored(ann_with_run: Asker) -> None:
    record = {
        "os": "Linux",
        "email": "a@b.c",
        "host": "h",
        "program": "/home/u/x.py",
        "git": {"remote": "r", "commit": "c"},
    }

    file = stored(ann_with_run, "wandb-metadata.json", json.dumps(record).encode())

    kept = json.loads(b"".join(ann_with_run.get(file["url"]).streaming_content))
    assert kept == {"os": "Linux", "program": "x.py", "git": {"commit": "c"}}


def test_pages_and_patterns(ann_with_run: Asker) -> None:
    for name in ("a.txt", "b.txt", "media/c.png"):
        stored(ann_with_run, name, b"x")

    page = ann_with_run.data(FILES, first=2)["project"]["run"]["files"]
    rest = ann_with_run.data(FILES, first=2, after=page["edges"][-1]["cursor"])["project"]["run"]["files"]

    assert [edge["node"]["name"] for edge in page["edges"] + rest["edges"]] == [
        "a.txt",
        "b.txt",
        "media/c.png",
    ]
    assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"], page["totalCount"]) == (
        True,
        False,
        3,
    )
    assert [file["name"] for file in files_of(ann_with_run, pattern="%.png")] == ["media/c.png"]


def test_a_name_is_found_as_it_was_said_too(ann_with_run: Asker) -> None:
    """`run.save("./a.txt")` stores a.txt, and `run.file("./a.txt")` asks for it in the same words."""
    stored(ann_with_run, "a.txt", b"x")

    assert [file["name"] for file in files_of(ann_with_run, names=["./a.txt"])] == ["a.txt"]


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        ("http://testserver", "http://testserver"),
        ("https://testserver", None),
        ("http://testserver.evil.example", None),
        ("http://evil.example", None),
        ("null", None),
        ("", None),
    ],
)
def test_bytes_are_for_pages_of_our_own_origin(ann_with_run: Asker, origin: str, named: str | None) -> None:
    file = stored(ann_with_run, "a.txt", b"x")

    asked = ann_with_run.http.options(file["url"], headers={"Origin": origin})
    answers = [asked, ann_with_run.get(file["directUrl"], Origin=origin)]

    assert [answer.get("Access-Control-Allow-Origin") for answer in answers] == [named, named]
    assert ann_with_run.get("/", Origin=origin).get("Access-Control-Allow-Origin") is None


def test_upload_link_is_for_one_method_one_file_one_person(ann_with_run: Asker, alice: User) -> None:
    url = ann_with_run.room_for("alice/demo/run1", "a.txt")["a.txt"]
    assert url is not None
    token = url.rsplit("/", 1)[1]

    assert ann_with_run.get(url).status_code == 405
    assert ann_with_run.get("/storage/get/" + token).status_code == 403
    assert ann_with_run.put("/storage/put/" + token[:-2] + "xx", b"x").status_code == 403
    assert ann_with_run.put("/storage/put/" + "a" * 5000, b"x").status_code == 403
    forged = signing.dumps([Actor.person(alice).audit_id, "", "f"], salt="something else")
    assert ann_with_run.put("/storage/put/" + forged, b"x").status_code == 403
    assert ann_with_run.put(url, b"x").status_code == 200


def test_upload_link_ends_with_the_key(ann_with_run: Asker, alice: User) -> None:
    url = ann_with_run.room_for("alice/demo/run1", "a.txt")["a.txt"]
    assert url is not None
    revoke_api_key(Actor.person(alice), alice.api_keys.get().public_id)

    assert ann_with_run.put(url, b"x").status_code == 403
    assert RunFile.objects.get().blob is None


def test_links_end_with_time(ann_with_run: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    file = stored(ann_with_run, "a.txt", b"x")
    url = ann_with_run.room_for("alice/demo/run1", "a.txt")["a.txt"]
    assert url is not None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 25 * 3600)

    assert ann_with_run.put(url, b"y").status_code == 403
    assert ann_with_run.get(file["directUrl"], with_key=False).status_code == 403


def test_outsider_gets_404_for_a_file_and_for_none(ann_with_run: Asker, mal: Asker) -> None:
    file = stored(ann_with_run, "a.txt", b"x")

    foreign, missing = mal.get(file["url"]), mal.get("/storage/files/none")

    assert (foreign.status_code, foreign.content) == (404, missing.content)
    assert Asker().get(file["url"]).status_code == 404


def test_broken_off_upload_leaves_nothing(ann_with_run: Asker) -> None:
    url = ann_with_run.room_for("alice/demo/run1", "a.txt")["a.txt"]
    assert url is not None

    response = upload(cut_off(b"half", promised=8), url.rsplit("/", 1)[1])

    assert response.status_code == 503
    assert RunFile.objects.get().blob is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0"])
def test_range_outside_is_416(ann_with_run: Asker, header: str) -> None:
    file = stored(ann_with_run, "a.txt", b"abc")

    assert ann_with_run.get(file["url"], Range=header).status_code == 416
