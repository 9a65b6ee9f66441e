from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.projects.models import Project
from apps.projects.queries import find_project, open_project
from apps.projects.services import get_or_create_project, update_project
from apps.projects.services import projects as services
from apps.teams.models import Entity
from apps.vault.models import Node
from tests.factories import people, work

pytestmark = pytest.mark.django_db


@pytest.mark.promise("P-10")
def test_project_is_made_private_on_first_use(lab: Entity, bob: User) -> None:
    project = get_or_create_project(Actor.person(bob), entity="lab", name="vision")

    assert project.visibility == Visibility.PRIVATE
    assert project.created_by == bob
    assert Node.objects.get(pk=project.vault_node).parent_id == lab.vault_node
    assert get_or_create_project(Actor.person(bob), entity="lab", name="vision") == project


@pytest.mark.parametrize(
    ("entity", "name", "made"), [(None, None, "uncategorized"), ("", "", "uncategorized"), (None, "x", "x")]
)
def test_unnamed_places_are_ones_own(alice: User, entity: str | None, name: str | None, made: str) -> None:
    project = get_or_create_project(Actor.person(alice), entity=entity, name=name)

    assert (project.entity.name, open_project(project).name) == ("alice", made)


def test_a_viewer_makes_no_project(lab: Entity, vera: User) -> None:
    with pytest.raises(Forbidden):
        get_or_create_project(Actor.person(vera), entity="lab", name="new")

    assert Project.objects.count() == 0


def test_a_viewer_logs_into_none_either(vision: Project, vera: User) -> None:
    with pytest.raises(Forbidden):
        get_or_create_project(Actor.person(vera), entity="lab", name="vision")


@pytest.mark.parametrize("name", ["a/b", "..", "\x00", "\ud800", "x" * 129])
def test_hostile_names_are_refused_to_all_alike(lab: Entity, alice: User, mallory: User, name: str) -> None:
    for user in (alice, mallory):
        with pytest.raises(Invalid):
            get_or_create_project(Actor.person(user), entity="lab", name=name)

    assert Project.objects.count() == 0


def test_nobody_makes_no_project() -> None:
    for entity in (None, "lab"):
        with pytest.raises(NotFound):
            get_or_create_project(Actor.nobody(), entity=entity, name="vision")


def test_of_two_first_uses_at_once_one_makes_the_project(
    lab: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds nothing, and the first's project is there when it comes to store its own."""
    asked: list[str] = []

    def late(entity: Entity, name: str) -> Project | None:
        found = find_project(entity, name)
        if not asked:
            asked.append(name)
            work.project("lab", "vision", by=alice)
        return found

    monkeypatch.setattr(services, "find_project", late)
    project = get_or_create_project(Actor.person(alice), entity="lab", name="vision")

    assert [each.pk for each in Project.objects.all()] == [project.pk]
    assert open_project(project).name == "vision"
    assert set(Node.objects.filter(kind="project").values_list("pk", flat=True)) == {project.vault_node}
    assert Event.objects.filter(kind="project.created").count() == 1


def test_a_project_that_cannot_be_stored_leaves_no_key(
    lab: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(services, "record", refuse)
    with pytest.raises(OSError, match="disk full"):
        get_or_create_project(Actor.person(alice), entity="lab", name="vision")

    assert Project.objects.count() == 0
    assert Node.objects.filter(kind="project").count() == 0


def test_update_sets_what_is_given_and_leaves_the_rest(vision: Project, alice: User) -> None:
    by = Actor.person(alice)
    words = "猫\u202e😀\x00" + "long " * 1000

    update_project(vision, by=by, description=words)
    update_project(vision, by=by, visibility=Visibility.PUBLIC)

    opened = open_project(Project.objects.get())
    assert (opened.description, opened.project.visibility) == (words, "public")

    update_project(vision, by=by, description="")
    assert open_project(Project.objects.get()).description == ""


@pytest.mark.promise("P-08")
def test_no_word_of_a_project_lies_open(lab: Entity, alice: User) -> None:
    project = work.project("lab", "canary-project", by=alice)
    update_project(project, by=Actor.person(alice), description="canary-description")

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM projects_project")
        stored = repr(cursor.fetchall())

    assert "canary" not in stored


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_first_uses_in_threads_make_one_project() -> None:
    alice = people.person("alice")
    together = Barrier(4)

    def first_use(_: int) -> int:
        together.wait()
        try:
            return get_or_create_project(Actor.person(alice), entity=None, name="vision").pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(first_use, range(4)))

    assert made == {Project.objects.get().pk}
    assert Node.objects.filter(kind="project").count() == 1
