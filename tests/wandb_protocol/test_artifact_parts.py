"""A file in parts by the client's own requests: who may send it, what is refused, and what is read in the end."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from django.test import Client

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import StoredFile, Version
from apps.artifacts.services import commit_version
from apps.blobs.models import Blob, BlobPart, BlobState
from apps.blobs.store import default_store
from apps.projects.models import Project
from apps.wandb_protocol.ids import to_client
from tests.factories import artifacts
from tests.wandb_protocol.asking import Asker, Json

pytestmark = pytest.mark.django_db
PARTS = [b"first " * 20_000, b"second " * 20_000, b"third"]
WHOLE = b"".join(PARTS)
_FILES = """mutation($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node { storagePath uploadUrl
    uploadHeaders uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } } } } } }"""
_COMPLETE = "mutation($i: CompleteMultipartUploadArtifactInput!) { completeMultipartUploadArtifact(input: $i) { digest } }"


def hex_md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture
def begun(vision: Project, alice: User) -> Version:
    return artifacts.begin(vision, "large", {"large.bin": WHOLE}, by=Actor.person(alice))


def announced(who: Asker, version: Version, parts: list[Json] | None = None) -> Json:
    numbered = [{"partNumber": at, "hexMD5": hex_md5(part)} for at, part in enumerate(PARTS, 1)]
    wanted = {
        "artifactID": to_client("Artifact", version.public_id),
        "name": "large.bin",
        "md5": artifacts.md5(WHOLE),
    }
    sent = {"artifactFiles": [wanted | {"uploadPartsInput": numbered if parts is None else parts}]}
    found: Json = who.data(_FILES, i=sent)["createArtifactFiles"]["files"]["edges"][0]["node"]
    return found


def completed(node: Json, version: Version, etags: list[str], action: str = "Complete") -> Json:
    return {
        "completeMultipartAction": action,
        "completedParts": [{"partNumber": at, "hexMD5": etag} for at, etag in enumerate(etags, 1)],
        "artifactID": to_client("Artifact", version.public_id),
        "storagePath": node["storagePath"],
        "uploadID": node["uploadMultipartUrls"]["uploadID"],
    }


def put(url: str, data: bytes) -> Any:
    return Client(raise_request_exception=False).put(url, data, content_type="application/octet-stream")


def test_large_file_comes_in_parts_and_is_read_as_one(begun: Version, alice: User, ann: Asker) -> None:
    node = announced(ann, begun)
    assert node["uploadHeaders"] == ["Content-Type:application/octet-stream"]
    urls = [each["uploadUrl"] for each in node["uploadMultipartUrls"]["uploadUrlParts"]]
    assert put(urls[0], PARTS[1]).status_code == 400
    etags = [put(url, part)["ETag"] for url, part in zip(urls[:2], PARTS[:2], strict=True)]
    assert "has not come" in ann.error(_COMPLETE, i=completed(node, begun, [*etags, hex_md5(PARTS[2])]))
    etags.append(put(urls[2], PARTS[2])["ETag"])
    assert etags == [f'"{hex_md5(part)}"' for part in PARTS]
    assert "is another" in ann.error(_COMPLETE, i=completed(node, begun, [etags[1], etags[0], etags[2]]))

    sent = completed(node, begun, etags)
    for _time in range(2):
        done = ann.data(_COMPLETE, i=sent)["completeMultipartUploadArtifact"]
        assert done["digest"] == artifacts.md5(WHOLE)
    assert node["uploadUrl"] and announced(ann, begun)["uploadUrl"] is None, "it is here now"

    by = Actor.person(alice)
    artifacts.bring_manifest(begun, artifacts.manifest({"large.bin": WHOLE}), by=by)
    made = commit_version(begun, by=by)
    query = "query($a: ID!) { artifact(id: $a) { files { edges { node { sizeBytes directUrl } } } } }"
    found = ann.data(query, a=to_client("Artifact", made.public_id))["artifact"]["files"]["edges"][0]["node"]
    assert int(found["sizeBytes"]) == len(WHOLE)
    assert Client().get(found["directUrl"]).getvalue() == WHOLE
    part = Client().get(found["directUrl"], headers={"Range": "bytes=119990-120010"})
    assert (part.status_code, part.getvalue()) == (206, WHOLE[119990:120011])


def test_parts_that_make_another_whole_are_not_that_file(begun: Version, ann: Asker) -> None:
    """Whoever names the digest of somebody else's file does not get other bytes taken for it."""
    other = b"other bytes, honestly announced part by part"
    node = announced(ann, begun, [{"partNumber": 1, "hexMD5": hex_md5(other)}])
    url = node["uploadMultipartUrls"]["uploadUrlParts"][0]["uploadUrl"]
    etag = put(url, other)["ETag"]

    assert "their MD5 is another" in ann.error(_COMPLETE, i=completed(node, begun, [etag]))
    assert Blob.objects.get(pk=StoredFile.objects.get().blob_id).state == BlobState.UPLOADING

    name = BlobPart.objects.get().object_name
    assert name in {each.name for each in default_store().list()}
    ann.data(_COMPLETE, i=completed(node, begun, [], "Abort"))
    assert not BlobPart.objects.exists() and name not in {each.name for each in default_store().list()}
    assert put(node["uploadUrl"], WHOLE).status_code == 200, "it can still be sent whole"


@pytest.mark.parametrize(
    "parts",
    [
        [{"partNumber": 2, "hexMD5": "a" * 32}],
        [{"partNumber": 1, "hexMD5": "a" * 32}, {"partNumber": 1, "hexMD5": "a" * 32}],
        [{"partNumber": 1, "hexMD5": "z" * 32}],
        [{"partNumber": 1, "hexMD5": "../" * 10}],
        [{"partNumber": at, "hexMD5": "a" * 32} for at in range(1, 10_002)],
    ],
)
def test_parts_that_are_none_are_refused(parts: list[Json], begun: Version, ann: Asker) -> None:
    wanted = {"artifactID": to_client("Artifact", begun.public_id), "name": "x", "md5": artifacts.md5(WHOLE)}
    refused = ann.error(_FILES, i={"artifactFiles": [wanted | {"uploadPartsInput": parts}]})

    assert "parts" in refused
    assert not StoredFile.objects.exists()


def test_strangers_neither_send_nor_complete(begun: Version, vision: Project, alice: User, ann: Asker, mal: Asker) -> None:  # fmt: skip
    node = announced(ann, begun)
    first = node["uploadMultipartUrls"]["uploadUrlParts"][0]["uploadUrl"]
    etags = [put(each["uploadUrl"], part)["ETag"] for each, part in zip(node["uploadMultipartUrls"]["uploadUrlParts"], PARTS, strict=True)]  # fmt: skip
    theirs = completed(node, begun, etags)
    nowhere = theirs | {"uploadID": "x" * 20}
    for action in ("Complete", "Abort"):
        asked = [
            mal.ask(_COMPLETE, i=sent | {"completeMultipartAction": action}) for sent in (theirs, nowhere)
        ]
        assert asked[0] == asked[1] and asked[0]["errors"]
    other = artifacts.begin(vision, "other", {"x": b"x"}, by=Actor.person(alice))
    assert ann.error(_COMPLETE, i=theirs | {"artifactID": to_client("Artifact", other.public_id)})
    assert BlobPart.objects.count() == 3 and Blob.objects.filter(state=BlobState.STORED).count() == 0
    # A link for one kind of thing, or one part, is none for another.
    token = first.rsplit("/", 1)[1]
    for path in ("/storage/entry/put/", "/storage/put/", "/storage/manifest/put/"):
        assert put(path + token, PARTS[0]).status_code == 403
    assert put("/storage/part/put/" + node["uploadUrl"].rsplit("/", 1)[1], WHOLE).status_code == 403
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert put(first, PARTS[0]).status_code == 403
    assert base64.b64encode(bytes.fromhex(hex_md5(PARTS[0]))).decode() not in str(
        list(BlobPart.objects.values())
    )
