"""Looks of charts as the client sends them: who may keep one where, and what is no look."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.queries import read_look
from apps.core.errors import NotFound
from apps.projects.models import Project
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.factories import people
from tests.wandb_protocol.asking import Asker

CREATE = """mutation CreateCustomChart ($entity: String!, $chartName: String!, $displayName: String!, $chartType: String!, $access: String!, $spec: JSONString!) {
  createCustomChart(input: {entity: $entity, name: $chartName, displayName: $displayName, type: $chartType, access: $access, spec: $spec}) { chart { id } }
}"""
SPEC = '{"mark": "bar"}'


def sent(**other: str) -> dict[str, Any]:
    said = {"entity": "alice", "chartName": "bars", "displayName": "Bars", "chartType": "vega2"}
    return said | {"access": "PRIVATE", "spec": SPEC} | other


def test_a_look_is_kept_under_the_name_that_a_chart_then_says(ann: Asker, alice: User) -> None:
    made = ann.data(CREATE, **sent())["createCustomChart"]["chart"]["id"]

    assert made == "alice/bars"
    assert read_look(Actor.person(alice), made) == json.loads(SPEC)
    assert Project.objects.get(entity__name="alice").visibility == Visibility.PRIVATE


def test_it_may_lie_beside_its_runs_and_be_sent_again(ann: Asker, alice: User, vision: Project) -> None:
    for spec in (SPEC, '{"mark": "line"}'):
        made = ann.data(CREATE, **sent(entity="lab", chartName="vision/bars", spec=spec))

    assert made["createCustomChart"]["chart"]["id"] == "lab/vision/bars"
    assert read_look(Actor.person(alice), "lab/vision/bars") == {"mark": "line"}


@pytest.mark.parametrize(
    "other",
    [
        {"chartType": "vega5"}, {"access": "OPEN"}, {"spec": "[1]"}, {"spec": "{"}, {"chartName": ""}, {"chartName": "a b\x00"},
        {"chartName": "../x"}, {"chartName": "x" * 300}, {"displayName": "x" * 300_000},
        {"spec": json.dumps({"mark": "x" * 10_000_000})},
    ],
)  # fmt: skip
def test_what_is_no_look_is_refused_in_words(ann: Asker, other: dict[str, str]) -> None:
    assert ann.error(CREATE, **sent(**other))
    assert not Project.objects.exists()


def test_a_public_one_needs_a_public_project(ann: Asker, alice: User, vision: Project) -> None:
    public = sent(entity="lab", chartName="vision/bars", access="PUBLIC")

    assert '"vision" is not public' in ann.error(CREATE, **public)
    Project.objects.filter(pk=vision.pk).update(visibility=Visibility.PUBLIC.value)
    assert ann.data(CREATE, **public)
    assert read_look(Actor.nobody(), "lab/vision/bars") == json.loads(SPEC)


@pytest.mark.parametrize(
    ("chosen", "access"), [(Visibility.PRIVATE, "PUBLIC"), (Visibility.PUBLIC, "PRIVATE")]
)
def test_no_project_is_made_for_a_first_one_that_is_refused(
    ann: Asker, alice: User, chosen: Visibility, access: str
) -> None:
    choose(
        Entity.objects.get(user=alice), SettingName.DEFAULT_VISIBILITY, chosen.value, by=Actor.person(alice)
    )

    assert '"custom-charts" is ' in ann.error(CREATE, **sent(access=access))

    assert not Project.objects.exists()
    assert ann.data(CREATE, **sent(access="PUBLIC" if access == "PRIVATE" else "PRIVATE"))


@pytest.mark.parametrize("visibility", [Visibility.PUBLIC, Visibility.OPEN])
def test_a_private_one_is_kept_where_nobody_else_reads(
    ann: Asker, alice: User, vision: Project, visibility: Visibility
) -> None:
    Project.objects.filter(pk=vision.pk).update(visibility=visibility.value)
    private = sent(entity="lab", chartName="vision/bars")

    refused = ann.error(CREATE, **private)

    assert '"vision" is public' in refused and 'access="public"' in refused
    with pytest.raises(NotFound):
        read_look(Actor.person(alice), "lab/vision/bars")


@pytest.mark.parametrize("name", ["bars", "vision/bars"])
def test_strangers_and_viewers_keep_none(vera: User, mal: Asker, vision: Project, name: str) -> None:
    there, nowhere = (mal.error(CREATE, **sent(entity=e, chartName=name)) for e in ("lab", "no-such-team"))

    assert there == nowhere
    assert "does not allow" in Asker(people.api_key(vera)).error(CREATE, **sent(entity="lab", chartName=name))
