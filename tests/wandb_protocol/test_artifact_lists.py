"""Lists of collections and of versions by the client's door: which are left, and in which order they come."""

from __future__ import annotations

import json

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.services import link_version, update_version
from apps.artifacts.types import VersionPatch
from apps.projects.models import Project
from tests.factories import artifacts
from tests.wandb_protocol.asking import Asker, Json

pytestmark = pytest.mark.django_db
COLLECTIONS = """query($f: JSONString, $o: String) { project(name: "vision", entityName: "lab") {
  artifactType(name: "model") { artifactCollections(first: 2, filters: $f, order: $o) { totalCount edges { node { name } } } }
  artifactCollections(filters: $f, order: $o) { totalCount edges { node { name } } } } }"""
VERSIONS = """query($c: String!, $f: JSONString, $o: String) { project(name: "vision", entityName: "lab") {
  artifactCollection(name: $c) { artifacts(first: 2, filters: $f, order: $o) { totalCount edges { version } } } } }"""


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def lists(vision: Project, by: Actor) -> None:
    """Three versions of a net, linked in another order, another net, and a data set."""
    words = [("best", "t1", {"at": {"k": 1}}), ("", "", {"at": {"k": 2}}), ("last", "t1", {})]
    made = [
        artifacts.version(
            vision,
            "net",
            {"w": alias.encode()},
            by=by,
            type_name="model",
            aliases=tuple(filter(None, [alias])),
            tags=tuple(filter(None, [tag])),
            metadata_text=json.dumps(metadata),
        )
        for alias, tag, metadata in words
    ]
    update_version(made[0], VersionPatch(description="touched"), by=by)
    for number in (2, 0, 1):
        link_version(made[number], vision, name="nets", aliases=["linked"], by=by)
    artifacts.version(vision, "other", {"w": b"9"}, by=by, type_name="model")
    artifacts.version(vision, "set", {"w": b"8"}, by=by)


def names(found: Json) -> list[str]:
    return [edge["node"]["name"] for edge in found["edges"]]


@pytest.mark.parametrize(
    ("filters", "order", "models", "all_of_them"),
    [
        (None, None, ["net", "nets"], ["net", "nets", "other", "set"]),
        (None, "-name", ["other", "nets"], ["set", "other", "nets", "net"]),
        (None, "+created_at", ["net", "nets"], ["net", "nets", "other", "set"]),
        ({"name": {"$regex": "t$"}}, "-createdAt", ["net"], ["set", "net"]),
        ({"$or": [{"name": "other"}, {"name": "set"}]}, None, ["other"], ["other", "set"]),
        ({"createdAt": {"$lt": "2001-01-01"}}, None, [], []),
    ],
)
def test_collections_are_filtered_and_ordered(
    lists: None,
    ann: Asker,
    filters: Json | None,
    order: str | None,
    models: list[str],
    all_of_them: list[str],
) -> None:
    found = ann.data(COLLECTIONS, f=json.dumps(filters), o=order)["project"]

    assert names(found["artifactType"]["artifactCollections"]) == models
    assert names(found["artifactCollections"]) == all_of_them
    assert found["artifactCollections"]["totalCount"] == len(all_of_them)


@pytest.mark.parametrize(
    ("name", "filters", "order", "versions", "total"),
    [
        ("net", {"state": "COMMITTED"}, None, ["v2", "v1"], 3),
        ("net", None, "+createdAt", ["v0", "v1"], 3),
        ("net", None, "-updatedAt", ["v0", "v2"], 3),
        ("net", {"tag": "t1", "state": "COMMITTED"}, None, ["v2", "v0"], 2),
        ("net", {"alias": {"$in": ["best"]}}, None, ["v0"], 1),
        ("net", {"metadata.at.k": {"$gte": 1}}, "versionIndex", ["v0", "v1"], 2),
        ("net", {"state": "DELETED"}, None, [], 0),
        ("nets", None, None, ["v2", "v1"], 3),
        ("nets", None, "+created_at", ["v0", "v1"], 3),
        ("nets", {"tags": "t1"}, None, ["v1", "v0"], 2),
        ("nets", {"aliases": "linked", "metadata.at.k": 2}, None, ["v2"], 1),
    ],
)
def test_versions_are_filtered_and_ordered(
    lists: None,
    ann: Asker,
    name: str,
    filters: Json | None,
    order: str | None,
    versions: list[str],
    total: int,
) -> None:
    found = ann.data(VERSIONS, c=name, f=json.dumps(filters), o=order)["project"]
    found = found["artifactCollection"]["artifacts"]

    assert [edge["version"] for edge in found["edges"]] == versions
    assert found["totalCount"] == total


@pytest.mark.parametrize(
    ("query", "filters", "order", "words"),
    [
        (
            COLLECTIONS,
            {"size": 1},
            None,
            "This cannot be asked for: size. There are artifact_collection_id, name, tag",
        ),
        (COLLECTIONS, None, "-size", "The order is one of name, created_at and updated_at."),
        (VERSIONS, {"size": 1}, None, "This cannot be asked for: size. There are id, version, tag"),
        (VERSIONS, None, "-size", "Versions can be ordered by createdAt, updatedAt and versionIndex."),
    ],
)
def test_what_cannot_be_asked_for_is_said(
    lists: None, ann: Asker, query: str, filters: Json | None, order: str | None, words: str
) -> None:
    variables = {"c": "net"} if query == VERSIONS else {}

    assert words in ann.error(query, f=json.dumps(filters), o=order, **variables)
