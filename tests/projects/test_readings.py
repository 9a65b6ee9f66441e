"""Who is not of the entity and looks, is on its record; its own people cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event, Repeat
from apps.core import clock
from apps.projects.models import Project, ProjectMember, ShareLink
from apps.projects.queries import get_project, projects_of, readable_projects
from apps.projects.services import update_project
from apps.runs.models import Run
from apps.runs.queries import get_run
from apps.teams.models import Entity
from tests.factories import work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-33")]


@pytest.fixture
def public(vision: Project, alice: User) -> Project:
    return update_project(vision, by=Actor.person(alice), visibility=Visibility.PUBLIC)


def look(actor: Actor) -> Project:
    return get_project(actor, Permission.PROJECT_READ, entity="lab", name="vision")


def told() -> list[tuple[str, str, str]]:
    events = Event.objects.filter(kind="project.read").order_by("pk")
    return [(event.by, event.subject, event.facts["via"]) for event in events]


WAYS: dict[str, Callable[[Actor], object]] = {
    "project": look,
    "run": lambda actor: get_run(actor, Permission.RUN_READ, entity="lab", project="vision", name="run1"),
    "files": lambda actor: get_run(actor, Permission.FILE_READ, entity="lab", project="vision", name="run1"),
    "list": lambda actor: projects_of(actor, Entity.objects.get(name="lab")),
    "by id": lambda actor: readable_projects(actor, [Project.objects.get().public_id]),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_strangers_look_is_told_at_once_to_the_owner(
    public: Project, run: Run, mallory: User, way: str
) -> None:
    WAYS[way](Actor.person(mallory))

    assert told() == [(mallory.public_id, public.public_id, "public")]
    assert Event.objects.get(kind="project.read").entity == public.entity.public_id


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("who", ["alice", "bob", "vera"])
def test_the_entitys_own_people_leave_nothing_and_ask_nothing(
    public: Project, run: Run, who: str, way: str
) -> None:
    with CaptureQueriesContext(connection) as asked:
        WAYS[way](Actor.person(User.objects.get(username=who)))

    assert told() == []
    assert [query["sql"] for query in asked if "audit_" in query["sql"]] == []


def test_who_is_not_signed_in_is_nobody(public: Project) -> None:
    look(Actor.nobody())

    assert told() == [("nobody", public.public_id, "public")]


def test_who_is_refused_saw_nothing(vision: Project, mallory: User) -> None:
    assert readable_projects(Actor.person(mallory), [vision.public_id]) == []

    assert told() == []


def test_guests_come_by_a_link(vision: Project, alice: User) -> None:
    link = ShareLink.objects.create(
        project=vision,
        secret_sha256_hex="a" * 64,
        expires_at=clock.now() + timedelta(days=1),
        created_by=alice,
    )
    look(Actor.nobody(shares=frozenset([link.public_id])))

    assert told() == [("nobody", vision.public_id, "link")]


def test_who_was_named_and_is_of_elsewhere_is_told_too(
    vision: Project, alice: User, bob: User, mallory: User
) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.RESTRICTED)
    ProjectMember.objects.create(project=vision, user=mallory, role="viewer", is_outsider=True)
    ProjectMember.objects.create(project=vision, user=bob, role="viewer", is_outsider=False)

    look(Actor.person(mallory))
    look(Actor.person(bob))

    assert told() == [(mallory.public_id, vision.public_id, "named")]


def test_many_looks_are_one_event_an_hour_and_a_write_a_minute(public: Project, mallory: User) -> None:
    actor = Actor.person(mallory)
    look(actor)

    with CaptureQueriesContext(connection) as asked:
        for _ in range(5):
            look(actor)

    assert len(told()) == 1
    assert [query["sql"] for query in asked if not query["sql"].startswith("SELECT")] == []


def test_what_an_operator_may_not_see_is_not_theirs_by_being_one(vision: Project, mallory: User) -> None:
    mallory.is_staff = mallory.is_superuser = True
    mallory.save()

    assert readable_projects(Actor.person(mallory), [vision.public_id]) == []


def test_a_look_that_cannot_be_noted_is_refused(
    public: Project, mallory: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(Event, "save", full)
    with pytest.raises(DatabaseError, match="disk full"):
        look(Actor.person(mallory))


def test_logging_into_an_open_project_is_no_look(vision: Project, alice: User, mallory: User) -> None:
    update_project(vision, by=Actor.person(alice), visibility=Visibility.OPEN)
    actor = Actor.person(mallory)
    work.run(vision, "of mallory", by=mallory)
    before = Event.objects.count()

    for _ in range(3):
        get_run(actor, Permission.RUN_WRITE, entity="lab", project="vision", name="of mallory")

    assert (Event.objects.count(), Repeat.objects.count()) == (before, 0)
