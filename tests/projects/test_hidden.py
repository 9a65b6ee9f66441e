"""Somebody who hides: what people outside their teams are told in their stead, at each door."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from django.test import Client

from apps.access.policy import Visibility
from apps.accounts.models import User
from apps.core.errors import Invalid
from apps.projects.models import Project
from apps.projects.queries import projects_of
from apps.projects.services import name_person, update_project
from apps.projects.types import NamedRole
from apps.runs.models import Run
from apps.runs.table import ids_of_runs, known_keys
from apps.teams.choices import SettingName
from apps.teams.models import Entity
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
    crumbs = client.get("/bob/own").content.decode().split("</ol>")[0]
    assert ">bob</span>" in crumbs
    assert 'href="/bob"' not in crumbs
    assert [each.name for each in projects_of(people.actor(mallory), bob.entity)] == ["named"]
    assert [each.name for each in projects_of(people.actor(alice), bob.entity)] == ["own"]


def test_an_organisation_counts_as_being_together(bob: User, mallory: User, alice: User) -> None:
    choose(bob.entity, SettingName.HIDDEN, True, by=people.actor(bob))
    assert hidden_from(people.actor(mallory), [bob.pk, None, mallory.pk]) == {bob.pk}
    group = people.organisation("group", admin=mallory)

    group.memberships.create(user=bob, role="member")

    assert hidden_from(people.actor(mallory), [bob.pk]) == set()


def test_somebody_of_a_shared_team_is_named_though_they_hide(
    bob: User, alice: User, lab: Entity, mallory: User
) -> None:
    own = update_project(
        work.project("alice", "own", by=alice), by=people.actor(alice), visibility=Visibility.RESTRICTED
    )
    theirs = update_project(
        work.project("mallory", "own", by=mallory), by=people.actor(mallory), visibility=Visibility.RESTRICTED
    )
    choose(bob.entity, SettingName.HIDDEN, True, by=people.actor(bob))

    assert name_person(own, username="bob", role=NamedRole.VIEWER, by=people.actor(alice)).is_outsider
    with pytest.raises(Invalid, match="Nobody of this user name"):
        name_person(theirs, username="bob", role=NamedRole.VIEWER, by=people.actor(mallory))


def gone_and_hidden(bob: User, lab: Entity) -> None:
    """bob was an admin of the lab team, left it, and hides."""
    lab.memberships.filter(user=bob).delete()
    choose(bob.entity, SettingName.HIDDEN, True, by=people.actor(bob))


def test_who_chose_a_setting_is_not_told_once_they_hide_from_the_reader(
    client: Client, lab: Entity, bob: User, vera: User
) -> None:
    lab.memberships.filter(user=bob).update(role="admin")
    for name, value in ((SettingName.CODE_SAVING, True), (SettingName.DEFAULT_VISIBILITY, "restricted")):
        choose(lab, name, value, by=people.actor(bob))
    choose(lab, SettingName.SYSTEM_METADATA, "none", by=people.actor(bob))
    client.force_login(vera, backend="django.contrib.auth.backends.ModelBackend")
    pages = (
        "/teams/lab/code-saving",
        "/teams/lab/privacy",
        "/teams/lab/system-metadata",
        "/settings/code-saving",
    )
    assert all("bob" in client.get(each).content.decode() for each in pages)

    gone_and_hidden(bob, lab)

    for each in pages:
        page = client.get(each).content.decode()
        assert ("bob" in page, "omebody who is hidden" in page) == (False, True), each


def test_the_record_names_whoever_looked_and_no_other_who_hides_from_its_reader(
    client: Client, vision: Project, alice: User, bob: User, mallory: User
) -> None:
    update_project(vision, by=people.actor(alice), visibility=Visibility.OPEN)
    client.force_login(mallory, backend="django.contrib.auth.backends.ModelBackend")
    client.get("/lab/vision")
    work.run(vision, "theirs", by=mallory)
    work.run(vision, "bobs", by=bob)
    for user in (mallory, bob):
        choose(user.entity, SettingName.HIDDEN, True, by=people.actor(user))
    headers = {"Authorization": f"Bearer {people.api_key(alice)}"}

    def found(**query: str) -> set[tuple[str, str | None]]:
        items = client.get("/api/v1/entities/lab/audit", query, headers=headers).json()["items"]
        return {
            (each["kind"], each["by"]) for each in items if each["kind"] in ("project.read", "run.created")
        }

    assert found() == {("project.read", "mallory"), ("run.created", None), ("run.created", "bob")}
    assert found(by="mallory") == {("project.read", "mallory")}
    assert found(by="mallory", kind="run.created") == set()
    assert found(by="bob") == {("run.created", "bob")}
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/teams/lab/audit?kind=run.created").content.decode()
    assert "Somebody who is hidden" in page
    assert "mallory" not in page
