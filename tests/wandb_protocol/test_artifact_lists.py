"""Lists of collections and of versions by the client's door: which are left, and in which order they come."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.queries import versions
from apps.artifacts.services import link_version, update_collection, update_version
from apps.artifacts.types import VersionPatch, VersionWords
from apps.core import jsontext
from apps.projects.models import Project
from apps.wandb_protocol.graphql.budget import Budget
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


@pytest.mark.parametrize("name", ["net", "nets"])
@pytest.mark.parametrize(
    ("text", "read"),
    [("y" * 6_000, 2), (secrets.token_urlsafe(4_500), 0)],
    ids=["packed to nothing", "as long when it is packed"],
)
def test_what_a_list_of_versions_reads_counts_before_all_of_it_is_in_memory(
    vision: Project, by: Actor, ann: Asker, monkeypatch: pytest.MonkeyPatch, name: str, text: str, read: int
) -> None:
    for number in range(3):
        made = artifacts.version(
            vision, "net", {"w": b"%d" % number}, by=by, metadata_text=json.dumps({"text": text})
        )
        link_version(made, vision, name="nets", aliases=[], by=by)
    monkeypatch.setattr(Budget.__init__, "__defaults__", (50_000, 11_500))
    opened, words_of = list[str](), versions.words_of

    def note(*asked: Any) -> VersionWords:
        opened.append(name)
        return words_of(*asked)

    monkeypatch.setattr(versions, "words_of", note)
    fewer = VERSIONS.replace("first: 2", "first: 1")

    assert "too much for one answer" in ann.error(fewer, c=name, f='{"alias": "none"}')
    assert len(opened) == read
    assert "too much for one answer" in ann.error(VERSIONS, c=name)
    opened.clear()
    assert ann.data(fewer, c=name)["project"]["artifactCollection"]["artifacts"]["totalCount"] == 3
    assert len(opened) == 1


@pytest.mark.parametrize("name", ["net", "nets"])
@pytest.mark.parametrize(
    ("filters", "read"),
    [
        ({"tag": "t1"}, []),
        ({"metadata.at.k": {"$gte": 1}, "metadata.at": {"$exists": True}}, [1, 2]),
    ],
)
def test_metadata_is_read_where_it_is_asked_for_and_once(
    lists: None,
    ann: Asker,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    filters: Json,
    read: list[int],
) -> None:
    seen, loads = list[int](), jsontext.loads

    def note(source: str | bytes) -> Any:
        value = loads(source)
        if isinstance(value, dict) and value.keys() == {"at"}:
            seen.append(value["at"]["k"])
        return value

    monkeypatch.setattr(jsontext, "loads", note)
    ann.data(VERSIONS, c=name, f=json.dumps(filters))

    assert sorted(seen) == read


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


@pytest.mark.parametrize("name", ["net", "nets"])
def test_what_is_said_of_an_artifact_counts_once_however_many_versions_are_looked_through(
    vision: Project, by: Actor, ann: Asker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for number in range(4):
        made = artifacts.version(vision, "net", {"w": b"%d" % number}, by=by)
        link_version(made, vision, name="nets", aliases=[], by=by)
    net = versions.find_collection(vision, "net")
    assert net is not None
    update_collection(net, description=secrets.token_urlsafe(4_500), by=by)  # 6 000 letters
    monkeypatch.setattr(Budget.__init__, "__defaults__", (50_000, 12_000))

    found = ann.data(VERSIONS, c=name, f='{"alias": "none"}')["project"]["artifactCollection"]["artifacts"]

    assert found["totalCount"] == 0
    monkeypatch.setattr(Budget.__init__, "__defaults__", (50_000, 5_000))
    assert "too much for one answer" in ann.error(VERSIONS, c=name, f='{"alias": "none"}')
