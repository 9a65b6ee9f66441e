"""Somebody who hides: what people outside their teams are told in their stead, at each door."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from django.test import Client

from apps.access.policy import Visibility
from apps.accounts.models import User
from apps.projects.models import Project
from apps.projects.queries import projects_of
from apps.projects.services import name_person, update_project
from apps.projects.types import NamedRole
from apps.runs.models import Run
from apps.runs.table import ids_of_runs, known_keys
from apps.teams.choices import SettingName
from apps.teams.queries import hidden_from
from apps.teams.services import choose
from tests.factories import people, work

pytestmark = pytest.mark.django_db
BY_BOB = '{"username": "bob"}'
_ASK = """{ project(name: "vision", entityName: "lab") {
  user { username } runs(first: 5) { edges { node { user { name username } } } } } }"""


@pytest.fixture
def bobs(vision: Project, alice: User, bob: User) -> Run:
    """A run of bob, who hides, in a project that everybody reads."""
    update_project(vision, by=people.actor(alice), visibility=Visibility.PUBLIC)
    Project.objects.update(created_by=bob)
    choose(bob.entity, SettingName.HIDDEN, True, by=people.actor(bob))
    return work.run(vision, "told", by=bob)


def told(client: Client, key_of: User) -> tuple[str, dict[str, object]]:
    """What REST and the client are told of who made the run and the project."""
    key = people.api_key(key_of)
    rest = client.get("/api/v1/projects/lab/vision/runs/told", headers={"Authorization": f"Bearer {key}"})
    basic = b64encode(f"api:{key}".encode()).decode()
    graphql = client.post(
        "/graphql",
        json.dumps({"query": _ASK}),
        content_type="application/json",
        headers={"Authorization": f"Basic {basic}"},
    )
    return rest.json()["created_by"], graphql.json()["data"]["project"]


def test_the_people_of_ones_teams_are_told_the_name(client: Client, bobs: Run, vera: User) -> None:
    rest, project = told(client, vera)

    assert rest == "bob"
    assert project["user"] == {"username": "bob"}
    client.force_login(vera, backend="django.contrib.auth.backends.ModelBackend")
    assert b">bob</bdi>" in client.get("/lab/vision/runs/told").content


def test_everybody_else_is_told_a_neutral_word(client: Client, bobs: Run, mallory: User) -> None:
    page = client.get("/lab/vision/runs/told").content.decode()
    rest, project = told(client, mallory)

    assert ">Somebody who is hidden</bdi>" in page
    assert "bob" not in page
    assert rest == ""
    assert project == {
        "user": None,
        "runs": {"edges": [{"node": {"user": {"name": "somebody who is hidden", "username": None}}}]},
    }


def test_runs_are_not_found_by_a_name_that_is_not_told(
    bobs: Run, vision: Project, bob: User, vera: User, mallory: User
) -> None:
    found = {
        user.username: len(ids_of_runs(vision, filters=BY_BOB, seen_by=people.actor(user)))
        for user in (bob, vera, mallory)
    }

    assert found == {"bob": 1, "vera": 1, "mallory": 0}
    assert ids_of_runs(vision, filters=BY_BOB) == []  # whoever is not said is told the least
    assert known_keys(vision, seen_by=people.actor(vera)).values["username"] == ["bob"]

    assert "username" not in known_keys(vision, seen_by=people.actor(mallory)).values

    choose(bob.entity, SettingName.HIDDEN, False, by=people.actor(bob))
    assert len(ids_of_runs(vision, filters=BY_BOB, seen_by=people.actor(mallory))) == 1


def test_a_public_project_is_read_by_its_address_and_not_found_by_its_owner(
    client: Client, bob: User, alice: User, mallory: User, vision: Project
) -> None:
    by = people.actor(bob)
    update_project(work.project("bob", "own", by=bob), by=by, visibility=Visibility.PUBLIC)
    named = update_project(work.project("bob", "named", by=bob), by=by, visibility=Visibility.RESTRICTED)
    name_person(named, username="mallory", role=NamedRole.VIEWER, by=by)
    assert client.get("/bob").status_code == 200

    choose(bob.entity, SettingName.HIDDEN, True, by=by)

    assert client.get("/bob").status_code == 404
    assert client.get("/bob/own").status_code == 200
    assert [each.name for each in projects_of(people.actor(mallory), bob.entity)] == ["named"]
    assert [each.name for each in projects_of(people.actor(alice), bob.entity)] == ["own"]


def test_an_organisation_counts_as_being_together(bob: User, mallory: User, alice: User) -> None:
    choose(bob.entity, SettingName.HIDDEN, True, by=people.actor(bob))
    assert hidden_from(people.actor(mallory), [bob.pk, None, mallory.pk]) == {bob.pk}
    group = people.organisation("group", admin=mallory)

    group.memberships.create(user=bob, role="member")

    assert hidden_from(people.actor(mallory), [bob.pk]) == set()
