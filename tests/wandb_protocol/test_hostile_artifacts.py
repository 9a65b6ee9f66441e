"""Artifacts that lie: paths that lead out, wrong digests and sizes, lists that are none, bytes that are somebody else's.

Each is refused by the client's door; nobody sees a version of it, and once what broke off is swept nothing is left on the store.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.models import User
from apps.artifacts import services
from apps.artifacts.manifests import MOST_ENTRIES, MOST_FOLDERS, MOST_VALUES, digest_of, read_manifest
from apps.artifacts.models import Collection, StoredFile, Version
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.core import clock
from apps.projects.models import Project
from apps.wandb_protocol.ids import to_client
from tests.factories import artifacts, people
from tests.wandb_protocol.asking import Asker, Json

pytestmark = pytest.mark.django_db
BYTES = b"what is meant"
PATHS = [
    "../up",
    "a/../../up",
    "/etc/passwd",
    "//server/share",
    "\\server\\share",
    "..\\up",
    "a\\..\\..\\up",
    "C:\\x",
    "C:evil.txt",
    "c:/x",
    "nul\x00byte",
    "line\nbreak",
    "half\ud800",
    "",
    "a//b",
    "x" * 1025,
    "d/" * 70 + "deep",
]
_CREATE = "mutation($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id } } }"
_ROOM = "mutation($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node { uploadUrl } } } } }"
_LIST = """mutation($i: CreateArtifactManifestInput!) { createArtifactManifest(input: $i) {
    artifactManifest { file { uploadUrl } } } }"""
_COMMIT = "mutation($i: CommitArtifactInput!) { commitArtifact(input: $i) { artifact { state } } }"
_SEEN = """{ project(entityName: "mallory", name: "own") { artifactTypes { totalCount }
    artifact(name: "ds:v0") { id } } }"""


class Begun:
    """A version of mallory's that was begun and may yet be brought."""

    def __init__(self, who: Asker, digest: str) -> None:
        self.who = who
        self.place = {"entityName": "mallory", "projectName": "own"}
        new = self.place | {"artifactTypeName": "dataset", "artifactCollectionName": "ds", "digest": digest}
        self.id: str = who.data(_CREATE, i=new)["createArtifact"]["artifact"]["id"]

    def room(self, path: str, md5: str) -> Json:
        return self.who.ask(_ROOM, i={"artifactFiles": [{"artifactID": self.id, "name": path, "md5": md5}]})

    def put(self, path: str, md5: str, content: bytes) -> int:
        url = self.room(path, md5)["data"]["createArtifactFiles"]["files"]["edges"][0]["node"]["uploadUrl"]
        return int(self.who.put(url, content).status_code)

    def bring(self, raw: bytes, *, digest: str | None = None) -> int:
        sent = self.place | {"artifactID": self.id, "name": "wandb_manifest.json"}
        sent |= {"digest": digest or artifacts.md5(raw), "type": "FULL"}
        made = self.who.data(_LIST, i=sent)["createArtifactManifest"]["artifactManifest"]
        return int(self.who.put(made["file"]["uploadUrl"], raw).status_code)

    def commit(self) -> Json:
        return self.who.ask(_COMMIT, i={"artifactID": self.id})


def listed(contents: Any) -> bytes:
    return json.dumps(
        {"version": 1, "storagePolicy": "wandb-storage-policy-v1", "contents": contents}
    ).encode()


def entry(**other: Any) -> Json:
    return {"digest": artifacts.md5(BYTES), "size": len(BYTES)} | other


def digest_for(raw: bytes) -> str:
    return digest_of(read_manifest(raw).rows)


MEANT = listed({"a": entry()})


@pytest.fixture
def begin(mal: Asker, mallory: User) -> Callable[..., Begun]:
    make = "mutation($i: UpsertModelInput!) { upsertModel(input: $i) { project { id } } }"
    mal.data(make, i={"name": "own", "entityName": "mallory"})
    return lambda raw=MEANT: Begun(mal, digest_for(raw))


@pytest.fixture
def nothing_is_left(mal: Asker) -> Any:
    """Called when all is refused: nobody sees it, and what broke off leaves neither rows nor bytes."""
    before = {each.name for each in default_store().list()}

    def look() -> None:
        seen = mal.data(_SEEN)["project"]
        assert (seen["artifact"], seen["artifactTypes"]["totalCount"]) == (None, 0)
        long_ago = clock.now() - timedelta(days=3)
        Version.objects.update(touched_at=long_ago)
        Collection.objects.update(updated_at=long_ago)
        services.sweep_versions()
        services.sweep_versions()
        counts = (Version.objects.count(), StoredFile.objects.count(), Blob.objects.count())
        assert counts == (0, 0, 0)
        assert {each.name for each in default_store().list()} - before == set()

    return look


def test_paths_that_lead_out_get_neither_room_nor_a_list(
    begin: Callable[..., Begun], nothing_is_left: Callable[[], None]
) -> None:
    begun = begin()

    rooms = {path: begun.room(path, artifacts.md5(BYTES)) for path in PATHS}
    lists = {path: begun.bring(listed({path: entry()})) for path in PATHS}

    nothing = {"createArtifactFiles": None}
    assert [path for path, answer in rooms.items() if not answer.get("errors")] == []
    assert [path for path, answer in rooms.items() if answer.get("data") not in (None, nothing)] == []
    assert lists == dict.fromkeys(PATHS, 400)
    assert begun.commit()["errors"]
    nothing_is_left()


BAD_LISTS: dict[str, tuple[bytes, int]] = {
    "no JSON": (b"PK\x03\x04 a zip", 400),
    "a list": (b"[]", 400),
    "no files": (b'{"version": 1}', 400),
    "files in a list": (listed([entry()]), 400),
    "an entry that is none": (listed({"a": None}), 400),
    "no digest": (listed({"a": {"size": 1}}), 400),
    "a digest of letters": (listed({"a": entry(digest="../../etc/passwd")}), 400),
    "a digest in another spelling": (listed({"a": entry(digest=artifacts.md5(BYTES)[:-3] + "B==")}), 400),
    "a size below nothing": (listed({"a": entry(size=-1)}), 400),
    "a size in words": (listed({"a": entry(size="13")}), 400),
    "a size without end": (MEANT.replace(b'"size": 13', b'"size": Infinity'), 400),
    "a size of all disks": (listed({"a": entry(size=2**70)}), 400),
    "levels without end": (listed({"a": "X"}).replace(b'"X"', b'{"extra": ' + b"[" * 100_000), 400),
    "millions of empty lists": (
        listed({"a": entry(extra={"x": "X"})}).replace(b'"X"', b"[" + b"[]," * (MOST_VALUES // 2) + b"[]]"),
        413,
    ),
    "one file more than an artifact has": (
        b'{"contents": {%s}}' % b",".join(b'"%d":{}' % number for number in range(MOST_ENTRIES + 1)),
        413,
    ),
}


def test_lists_that_are_none_are_refused(
    begin: Callable[..., Begun], nothing_is_left: Callable[[], None]
) -> None:
    begun = begin()

    answers = {name: begun.bring(raw) for name, (raw, _status) in BAD_LISTS.items()}

    assert answers == {name: status for name, (_raw, status) in BAD_LISTS.items()}
    assert begun.bring(MEANT, digest=artifacts.md5(b"another list")) == 400
    assert begun.commit()["errors"]
    nothing_is_left()


def test_a_list_of_more_folders_than_there_may_be_is_no_version(
    begin: Callable[..., Begun], nothing_is_left: Callable[[], None]
) -> None:
    """Few names make many folders: each of these lies sixty deep."""
    names = (f"{number}/{'d/' * 60}f" for number in range(MOST_FOLDERS // 61 + 1))
    raw = listed({name: entry(ref="s3://a/b", digest="x") for name in names})
    begun = begin(raw)

    assert begun.bring(raw) == 200
    assert "folders" in begun.commit()["errors"][0]["message"]
    nothing_is_left()


# What the list says of its one file, whose bytes are there or not: all of it can be told at the end only.
LIES: dict[str, tuple[Json, bool]] = {
    "the bytes never came": (entry(), False),
    "fewer bytes than it has": (entry(size=1), True),
    "more bytes than it has": (entry(size=10**9), True),
    "a file that is not the one that came": (entry(digest=artifacts.md5(b"other")), True),
    "born in a version that is not there": (entry(birthArtifactID=to_client("Artifact", "x" * 12)), False),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_list_that_lies_is_no_version(
    lie: str, begin: Callable[..., Begun], nothing_is_left: Callable[[], None]
) -> None:
    told, came = LIES[lie]
    raw = listed({"a": told})
    begun = begin(raw)
    if came:
        assert begun.put("a", artifacts.md5(BYTES), BYTES) == 200

    assert begun.bring(raw) == 200
    assert begun.commit()["errors"]
    nothing_is_left()


@pytest.mark.parametrize("wrong", [b"", BYTES[:-1], BYTES + b".", b"x" * 1_000_000])
def test_bytes_of_another_digest_are_not_kept(
    wrong: bytes, begin: Callable[..., Begun], nothing_is_left: Callable[[], None]
) -> None:
    begun = begin()

    assert begun.put("a", artifacts.md5(BYTES), wrong) == 400
    assert begun.bring(MEANT) == 200
    assert begun.commit()["errors"]
    nothing_is_left()


def test_a_list_of_another_content_than_was_announced(
    begin: Callable[..., Begun], nothing_is_left: Callable[[], None]
) -> None:
    begun = begin()
    assert begun.put("a", artifacts.md5(BYTES), BYTES) == 200

    assert begun.bring(listed({"b": entry()})) == 200
    assert begun.commit()["errors"]
    nothing_is_left()


def test_whoever_names_the_digest_of_a_file_of_others_gets_none_of_it(
    begin: Callable[..., Begun], mal: Asker, vision: Project, alice: User
) -> None:
    """In another project it is as if nobody had it: by its digest, by the version it was born in, and by a reference to it."""
    theirs = artifacts.version(vision, "ds", {"a": BYTES}, by=people.actor(alice))
    birth = to_client("Artifact", theirs.public_id)
    begun = begin()

    room = begun.room("a", artifacts.md5(BYTES))["data"]["createArtifactFiles"]["files"]["edges"][0]["node"]
    assert room["uploadUrl"], "who has it already is asked for nothing"
    for told in (entry(), entry(birthArtifactID=birth)):
        assert begun.bring(listed({"a": told})) == 200
        assert "1 file of" in begun.commit()["errors"][0]["message"]

    number = base64.b64decode(birth).hex()
    refs = listed({"a": entry(ref=f"wandb-artifact://{number}/a", digest="x")})
    points = begin(refs)
    assert points.bring(refs) == 200
    assert points.commit()["data"]["commitArtifact"]["artifact"]["state"] == "COMMITTED"
    query = "query($a: ID!) { artifact(id: $a) { files { edges { node { name directUrl } } } } }"
    for each in mal.data(query, a=points.id)["artifact"]["files"]["edges"]:
        url = each["node"]["directUrl"]
        assert not url or mal.get(url).status_code == 404
    hexed = base64.b64decode(artifacts.md5(BYTES)).hex()
    for version in (points.id, begun.id, birth):
        asked = mal.get(f"/artifactsV2/default/mallory/own/ds/{version}/x/{hexed}/a")
        assert asked.status_code == 404
