"""Lineage: from a version or a run over all that it came of and that came of it, as far as the asker may see."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import RunVersion, Version
from apps.artifacts.queries import graph
from apps.artifacts.queries.graph import Lineage, lineage_of
from apps.artifacts.services import use_version
from apps.artifacts.types import RunRole
from apps.erasure.services import erase_run
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from tests.factories import artifacts, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.fixture
def chain(vision: Project, alice: User, by: Actor) -> dict[str, Any]:
    """data, which `train` read to make net, which `test` read to make scores."""
    run = {name: work.run(vision, name, by=alice) for name in ("gather", "train", "test")}
    data = artifacts.version(vision, "data", {"a": b"1"}, by=by, run=run["gather"])
    use_version(run["train"], data)
    net = artifacts.version(vision, "net", {"w": b"2"}, by=by, run=run["train"], type_name="model")
    use_version(run["test"], net)
    scores = artifacts.version(vision, "scores", {"s": b"3"}, by=by, run=run["test"], type_name="table")
    return run | {"data": data, "net": net, "scores": scores}


def layers(found: Lineage, things: dict[str, Any]) -> dict[str, int]:
    names = {(type(each), each.pk): name for name, each in things.items()}
    return {names.get(node, "?"): layer for node, layer in found.layers.items()}


def edges(found: Lineage, things: dict[str, Any]) -> set[tuple[str, str]]:
    names = {(type(each), each.pk): name for name, each in things.items()}
    return {(names[a], names[b]) for a, b in found.edges}


EDGES = {("gather", "data"), ("data", "train"), ("train", "net"), ("net", "test"), ("test", "scores")}


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("net", {"net": 0, "train": -1, "data": -2, "gather": -3, "test": 1, "scores": 2}),
        ("data", {"data": 0, "gather": -1, "train": 1, "net": 2, "test": 3, "scores": 4}),
        ("train", {"train": 0, "data": -1, "gather": -2, "net": 1, "test": 2, "scores": 3}),
    ],
)
def test_both_directions_from_a_version_and_from_a_run(
    chain: dict[str, Any], by: Actor, origin: str, expected: dict[str, int]
) -> None:
    found = lineage_of(by, chain[origin], layers=6)

    assert layers(found, chain) == expected
    assert edges(found, chain) == EDGES
    assert found.goes_further == {-1: False, 1: False}


def test_it_ends_where_it_is_asked_to_and_says_that_there_is_more(chain: dict[str, Any], by: Actor) -> None:
    found = lineage_of(by, chain["net"], layers=2)

    assert layers(found, chain) == {"net": 0, "train": -1, "data": -2, "test": 1, "scores": 2}
    assert found.goes_further == {-1: True, 1: False}


def test_what_lies_in_a_project_that_the_asker_may_not_see_is_not_there_nor_what_is_behind_it(
    chain: dict[str, Any], alice: User, vera: User, by: Actor
) -> None:
    hidden = work.project("alice", "hidden", by=alice)
    own = work.run(hidden, "own", by=alice)
    use_version(own, chain["data"])
    secret = artifacts.version(hidden, "secret", {"x": b"4"}, by=by, run=own)
    use_version(chain["test"], secret)

    seen = lineage_of(Actor.person(vera), chain["data"], layers=8)
    whole = lineage_of(by, chain["data"], layers=8)

    assert set(layers(seen, chain)) == {"gather", "data", "train", "net", "test", "scores"}
    assert (Run, own.pk) in whole.layers
    assert (Version, secret.pk) in whole.layers
    # Nor does it say that there would be more.
    assert lineage_of(Actor.person(vera), chain["data"], layers=4).goes_further == {-1: False, 1: False}


def test_erased_runs_are_not_there(chain: dict[str, Any], by: Actor) -> None:
    erase_run(chain["train"], by=by)

    assert layers(lineage_of(by, chain["net"], layers=6), chain) == {"net": 0, "test": 1, "scores": 2}


def test_it_takes_as_many_questions_for_thirty_readers_as_for_three(
    chain: dict[str, Any], vision: Project, alice: User, by: Actor
) -> None:
    def counted() -> int:
        with CaptureQueriesContext(connections["default"]) as queries:
            lineage_of(by, chain["data"], layers=4)
        return len(queries)

    lineage_of(by, chain["data"], layers=4)
    few = counted()
    links = [
        RunVersion(run=work.run(vision, f"r{n}", by=alice), version=chain["data"], role=RunRole.INPUT.value)
        for n in range(27)
    ]
    RunVersion.objects.bulk_create(links)

    assert len(lineage_of(by, chain["data"], layers=4).layers) == 33
    assert counted() == few <= 11


def test_more_than_fit_are_left_out_and_it_says_so(
    chain: dict[str, Any], by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "MOST_NODES", 4)

    found = lineage_of(by, chain["net"], layers=6)

    assert (len(found.layers), found.is_cut) == (4, True)


def test_what_the_asker_may_not_see_takes_no_room_and_tells_of_no_cut(
    chain: dict[str, Any], alice: User, vera: User, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "_MOST_LINKS", 3)
    hidden = work.project("alice", "hidden", by=alice)
    for n in range(4):
        use_version(work.run(hidden, f"r{n}", by=alice), chain["data"])

    found = lineage_of(Actor.person(vera), chain["data"], layers=1)

    assert (layers(found, chain), found.is_cut) == ({"data": 0, "gather": -1, "train": 1}, False)
    assert lineage_of(by, chain["data"], layers=1).is_cut


def test_deleted_and_unfinished_versions_are_not_there(
    chain: dict[str, Any], vision: Project, lab: Entity, by: Actor
) -> None:
    artifacts.begin(vision, "begun", {"x": b"5"}, by=by, run=chain["train"])

    assert set(layers(lineage_of(by, chain["train"], layers=6), chain)) == {
        "gather", "data", "train", "net", "test", "scores",
    }  # fmt: skip
