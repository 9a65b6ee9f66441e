"""Who reaches artifacts by the client's door: what is not shared answers as what is not there, also by a signed link."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import StoredFile, Version
from apps.artifacts.types import VersionState
from apps.core.ids import new_public_id
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Membership
from tests.factories import artifacts, people
from tests.wandb_protocol.asking import Asker, Json

pytestmark = pytest.mark.django_db
FILES = {"a.txt": b"one", "deep/b.txt": b"two"}
_ALIASES = {"entityName": "lab", "projectName": "vision", "artifactCollectionName": "ds", "alias": "best"}
_TAGS = {"entityName": "lab", "projectName": "vision", "tags": [{"tagName": "t"}]}
_NEW = {"entityName": "lab", "projectName": "vision", "artifactTypeName": "dataset", "digest": "d"}
# Each act, with where in its input the id of what it acts on stands; a kind for the id.
ACTS: dict[str, tuple[str, str, Json, str]] = {
    "addAliases": ("artifactID", "Artifact", {"aliases": [_ALIASES]}, "success"),
    "commitArtifact": ("artifactID", "Artifact", {}, "artifact { id }"),
    "createArtifact": ("artifactCollectionName", "", _NEW, "artifact { id }"),
    "createArtifactCollectionTagAssignments": ("artifactCollectionName", "", _TAGS, "tags { id }"),
    "createArtifactFiles": ("artifactID", "Artifact", {}, "files { edges { node { uploadUrl } } }"),
    "createArtifactManifest": ("artifactID", "Artifact", {"name": "m", "digest": ""}, "artifactManifest { id }"),
    "deleteAliases": ("artifactID", "Artifact", {"aliases": [_ALIASES]}, "success"),
    "deleteArtifact": ("artifactID", "Artifact", {"deleteAliases": True}, "artifact { id }"),
    "deleteArtifactCollectionTagAssignments": ("artifactCollectionName", "", _TAGS, "success"),
    "deleteArtifactSequence": ("artifactSequenceID", "ArtifactSequence", {}, "artifactCollection { id }"),
    "moveArtifactSequence": ("artifactSequenceID", "ArtifactSequence", {"destinationArtifactTypeName": "x"}, "artifactCollection { id }"),
    "updateArtifact": ("artifactID", "Artifact", {"description": "theirs"}, "artifact { id }"),
    "updateArtifactManifest": ("artifactManifestID", "ArtifactManifest", {}, "artifactManifest { id }"),
    "updateArtifactSequence": ("artifactSequenceID", "ArtifactSequence", {"description": "theirs"}, "artifactCollection { id }"),
    "useArtifact": ("artifactID", "Artifact", {"entityName": "lab", "projectName": "vision", "runName": "run1"}, "artifact { id }"),
}  # fmt: skip


@pytest.fixture
def made(vision: Project, alice: User, run: Run) -> Version:
    return artifacts.version(
        vision,
        "ds",
        FILES,
        by=Actor.person(alice),
        run=run,
        client_id="c" * 128,
        sequence_client_id="s" * 128,
    )


def id_of(kind: str, public_id: str) -> str:
    return base64.b64encode(f"{kind}:{public_id}".encode()).decode()


def called(who: Asker, act: str, where: str, named: str) -> Json:
    _field, _kind, more, shown = ACTS[act]
    sent: Json = {**more, where: named}
    if act == "createArtifactFiles":
        sent = {"artifactFiles": [{where: named, "name": "a", "md5": artifacts.md5(b"a")}]}
    kind = act[0].upper() + act[1:] + "Input"
    return who.ask(f"mutation($i: {kind}!) {{ {act}(input: $i) {{ {shown} }} }}", i=sent)


def counts() -> list[Any]:
    return [
        Version.objects.count(),
        list(Version.objects.values_list("updated_at", "state")),
        StoredFile.objects.count(),
    ]


@pytest.mark.parametrize("act", ACTS)
def test_strangers_change_nothing_and_learn_nothing(act: str, made: Version, mal: Asker) -> None:
    where, kind, _more, _shown = ACTS[act]
    ids = {
        "Artifact": made.public_id,
        "ArtifactSequence": made.collection.public_id,
        "ArtifactManifest": made.manifests.get().public_id,
    }
    before = counts()

    there = called(mal, act, where, id_of(kind, ids[kind]) if kind else "ds")
    nowhere = called(mal, act, where, id_of(kind, new_public_id()) if kind else "none")

    assert there.get("errors") and there == nowhere
    assert counts() == before


def test_strangers_find_nothing(made: Version, mal: Asker, ann: Asker) -> None:
    query = """query($a: ID!, $c: ID!, $m: ID!) { artifact(id: $a) { id } artifactCollection(id: $c) { id }
        clientIDMapping(clientID: $m) { serverID } project(entityName: "lab", name: "vision") { artifactTypes { totalCount } } }"""
    asked = {
        "a": id_of("Artifact", made.public_id),
        "c": id_of("ArtifactSequence", made.collection.public_id),
        "m": "c" * 128,
    }

    assert set(mal.data(query, **asked).values()) == {None}
    found = ann.data(query, **asked)
    assert found["artifact"]["id"] == asked["a"] == found["clientIDMapping"]["serverID"]
    assert found["project"]["artifactTypes"]["totalCount"] == 1


def upload(who: Asker, version: str, path: str, content: bytes) -> str:
    sent = {"artifactFiles": [{"artifactID": version, "name": path, "md5": artifacts.md5(content)}]}
    query = "mutation($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node { uploadUrl } } } } }"
    url: str = who.data(query, i=sent)["createArtifactFiles"]["files"]["edges"][0]["node"]["uploadUrl"]
    return url


def test_links_end_with_the_right_to_use_them(made: Version, lab: Any, bob: User, vision: Project) -> None:
    bobs = Asker(people.api_key(bob))
    begun = artifacts.begin(vision, "more", {"c": b"3"}, by=Actor.person(bob))
    put = upload(bobs, id_of("Artifact", begun.public_id), "c", b"3")
    query = "query($a: ID!) { artifact(id: $a) { currentManifest { file { directUrl } } files { edges { node { name directUrl } } } } }"
    found = bobs.data(query, a=id_of("Artifact", made.public_id))["artifact"]
    manifest = found["currentManifest"]["file"]["directUrl"]
    links = {edge["node"]["name"]: edge["node"]["directUrl"] for edge in found["files"]["edges"]}
    by_digest = f"/artifactsV2/default/lab/vision/ds/{id_of('Artifact', made.public_id)}/x/{base64.b64decode(artifacts.md5(b'two')).hex()}/b.txt"

    nobody = Asker()
    assert b"".join(nobody.get(links["deep/b.txt"]).streaming_content) == b"two"
    assert set(json.loads(b"".join(nobody.get(manifest).streaming_content))["contents"]) == set(FILES)
    assert b"".join(nobody.get(links["a.txt"], Range="bytes=1-1").streaming_content) == b"n"
    assert b"".join(bobs.get(by_digest).streaming_content) == b"two"
    assert bobs.put(put, b"not it").status_code == 400
    Membership.objects.filter(entity=lab, user=bob).delete()

    assert {nobody.get(url).status_code for url in (*links.values(), manifest)} == {404}
    assert bobs.get(by_digest).status_code == 404
    assert nobody.put(put, b"3").status_code == 404
    assert Version.objects.get(pk=begun.pk).state == VersionState.PENDING


def test_a_link_for_one_thing_is_none_for_another(
    made: Version, ann: Asker, vision: Project, alice: User
) -> None:
    begun = artifacts.begin(vision, "more", {"c": b"3"}, by=Actor.person(alice))
    put = upload(ann, id_of("Artifact", begun.public_id), "c", b"3")
    token = put.rsplit("/", 1)[-1]

    for place in ("entry/get", "manifest/put", "manifest/get", "put", "get"):
        asked = f"/storage/{place}/{token}"
        answered = ann.put(asked, b"3") if place.endswith("put") else ann.get(asked)
        assert answered.status_code == 403, place
