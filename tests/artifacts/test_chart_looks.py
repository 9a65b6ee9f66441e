"""Looks of charts: kept as artifacts, the newest one found by the name that a run says."""

from __future__ import annotations

import json

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.looks import FILE, MOST_BYTES, MOST_PLACES, TYPE
from apps.artifacts.queries import read_look
from apps.core.errors import Invalid, NotFound, TooMuch
from apps.projects.models import Project
from tests.factories import artifacts, work

pytestmark = pytest.mark.django_db
PLACES = json.dumps({"a": ["${string:title}" * MOST_PLACES, {"b": "${field:x}"}]})


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def test_the_newest_is_read_and_the_same_again_is_no_version(vision: Project, by: Actor) -> None:
    made = [
        artifacts.look(vision, "bars", text, by=by).number for text in ('{"a":1}', '{"a": 2}', '{"a": 2}')
    ]

    assert made == [0, 1, 1]
    assert read_look(by, "lab/vision/bars") == {"a": 2}
    assert read_look(by, "lab/vision/bars:v0") == {"a": 1}


def test_without_a_project_it_lies_in_the_one_of_looks(alice: User, by: Actor) -> None:
    artifacts.look(work.project("alice", "custom-charts", by=alice), "bars", "{}", by=by)

    assert read_look(by, "alice/bars") == {}


@pytest.mark.parametrize(
    "name",
    [
        "",
        "lab",
        "lab/",
        "lab/vision/",
        "lab/vision/data",
        "lab/vision/none",
        "no/vision/bars",
        "lab/a/b/c",
        "\x00/\x00",
    ],
)
def test_what_is_no_look_is_not_there(vision: Project, by: Actor, name: str) -> None:
    artifacts.version(vision, "data", {"look.json": b"{}"}, by=by)

    with pytest.raises(NotFound):
        read_look(by, name)


def test_outsiders_learn_nothing(vision: Project, by: Actor, mallory: User) -> None:
    artifacts.look(vision, "bars", "{}", by=by)
    told = []
    for name in ("lab/vision/bars", "lab/vision/none"):
        with pytest.raises(NotFound) as refused:
            read_look(Actor.person(mallory), name)
        told.append(str(refused.value))

    assert told[0] == told[1]


@pytest.mark.parametrize("text", ["[]", "3", "{", "", "[" * 5000, PLACES])
def test_what_describes_nothing_is_refused(vision: Project, by: Actor, text: str) -> None:
    with pytest.raises(Invalid):
        artifacts.look(vision, "bars", text, by=by)


def test_what_came_as_an_artifact_and_is_no_look_is_said_to_be_none(vision: Project, by: Actor) -> None:
    artifacts.version(vision, "odd", {FILE: PLACES.encode()}, type_name=TYPE, by=by)
    artifacts.version(vision, "large", {FILE: b"{}" + b" " * MOST_BYTES}, type_name=TYPE, by=by)

    with pytest.raises(Invalid):
        read_look(by, "lab/vision/odd")
    with pytest.raises(NotFound):
        read_look(by, "lab/vision/large")


def test_a_look_has_a_size(vision: Project, by: Actor) -> None:
    with pytest.raises(TooMuch):
        artifacts.look(vision, "bars", '{"a": "' + "x" * MOST_BYTES + '"}', by=by)
