"""Whoever is shown runs or versions of somebody else's project beside their own has looked into it: its owner sees that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Link, Version
from apps.artifacts.queries import (
    in_projects_seen,
    made_by,
    makers_of,
    resolve_client_path,
    shown,
    used_by,
    version_by_client_id,
    versions_of_run,
)
from apps.artifacts.services import use_version
from apps.artifacts.types import RunRole
from apps.audit.models import Event
from apps.core.errors import NotFound
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.models import Run
from tests.factories import artifacts, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-33")]
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def scene(vision: Project, run: Run, alice: User, mallory: User) -> dict[str, Any]:
    """A version in alice's private project that a run of mallory's made and read, and one of hers that alice's run read."""
    theirs = work.project("mallory", "theirs", by=mallory)
    update_project(theirs, by=Actor.person(mallory), visibility=Visibility.PUBLIC)
    outside = work.run(theirs, "outside", by=mallory)
    mine = artifacts.version(vision, "mine", {"a": b"1"}, by=Actor.person(alice), run=outside)
    use_version(outside, mine)
    hers = artifacts.version(
        theirs, "hers", {"b": b"2"}, by=Actor.person(mallory), client_id="hers of a client"
    )
    use_version(run, hers)
    portfolio = Collection.objects.get(pk=mine.collection_id)
    link = Link(version=hers, collection=portfolio)
    shelf = Link(version=mine, collection=Collection.objects.get(pk=hers.collection_id))
    return {"mine": mine, "run": run, "place": theirs, "link": link, "shelf": shelf}


def led(actor: Actor, client_id: str) -> Version | None:
    try:
        return version_by_client_id(actor, client_id)
    except NotFound:
        return None


WAYS: dict[str, Callable[[Actor, dict[str, Any]], object]] = {
    "who made it": lambda actor, s: made_by(actor, s["mine"]),
    "who made these": lambda actor, s: makers_of(actor, [s["mine"]]),
    "who read it": lambda actor, s: used_by(actor, s["mine"]),
    "what a run read": lambda actor, s: versions_of_run(actor, s["run"], RunRole.INPUT),
    "behind a link": lambda actor, s: shown(actor, [s["link"]]),
    "where it is linked": lambda actor, s: in_projects_seen(actor, [s["shelf"]], most=1),
    "by a client's own id": lambda actor, s: led(actor, "hers of a client"),
}


def told() -> list[tuple[str, str, str]]:
    events = Event.objects.filter(kind="project.read").order_by("pk")
    return [(event.by, event.subject, event.facts["via"]) for event in events]


@pytest.mark.parametrize("way", WAYS)
def test_it_is_on_the_record_of_whose_project_that_is(scene: dict[str, Any], alice: User, way: str) -> None:
    assert WAYS[way](Actor.person(alice), scene)

    assert told() == [(alice.public_id, scene["place"].public_id, "public")]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_shown_is_no_look_and_ones_own_is_none(
    scene: dict[str, Any], alice: User, mallory: User, way: str
) -> None:
    update_project(scene["place"], by=Actor.person(mallory), visibility=Visibility.PRIVATE)
    scene["link"].version = Version.objects.get(pk=scene["link"].version_id)
    scene["shelf"].collection = Collection.objects.get(pk=scene["shelf"].collection_id)

    assert not WAYS[way](Actor.person(alice), scene)
    assert WAYS[way](Actor.person(mallory), scene)
    assert told() == []


def test_the_page_of_a_version_tells_whose_runs_it_names(
    scene: dict[str, Any], client: Client, alice: User
) -> None:
    client.force_login(alice, backend=BACKEND)

    page = client.get("/lab/vision/artifacts/dataset/mine/v0").content.decode()

    assert "/mallory/theirs/runs/outside" in page
    assert told() == [(alice.public_id, scene["place"].public_id, "public")]


def test_an_address_in_a_table_sends_nobody_to_look_elsewhere(scene: dict[str, Any], alice: User) -> None:
    with pytest.raises(NotFound):
        resolve_client_path(
            Actor.person(alice), "wandb-client-artifact://hers of a client/b", within=scene["run"].project
        )

    assert told() == []


def test_what_is_beyond_the_places_that_are_shown_is_not_looked_at(
    scene: dict[str, Any], vision: Project, alice: User
) -> None:
    own = Link(version=scene["mine"], collection=scene["link"].collection)

    found = in_projects_seen(Actor.person(alice), [own, scene["shelf"]], most=1)

    assert (found, told()) == ([vision], [])
