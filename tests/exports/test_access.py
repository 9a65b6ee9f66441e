"""Who may export, who sees an export, and who takes it along: asked each time."""

from __future__ import annotations

import pytest

from apps.access.policy import Permission, Scope, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core.errors import Forbidden, NotFound
from apps.exports.models import Export
from apps.exports.queries import exports_seen_by, get_archive, get_export, projects_to_export, require_all
from apps.exports.services import export_entity, export_project, note_fetched
from apps.projects.gate import may
from apps.projects.models import Project
from apps.projects.queries import get_project
from apps.runs.models import Run
from apps.teams.models import Entity, Membership
from apps.teams.types import MemberRole
from tests.exports.conftest import make, opened, read_json
from tests.factories import work
from tests.questions import questions

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-24")]


@pytest.mark.parametrize(
    ("who", "error"),
    [("alice", None), ("bob", None), ("vera", None), ("mallory", NotFound), ("nobody", NotFound)],
)
def test_who_reads_all_of_a_project_as_one_of_its_people_exports_it(
    vision: Project, request: pytest.FixtureRequest, who: str, error: type[Exception] | None
) -> None:
    actor = Actor.nobody() if who == "nobody" else Actor.person(request.getfixturevalue(who))

    if error is None:
        held = get_project(actor, Permission.PROJECT_EXPORT, entity="lab", name="vision")
        assert export_project(held, by=actor).asked_by == actor.audit_id
    else:
        with pytest.raises(error):
            get_project(actor, Permission.PROJECT_EXPORT, entity="lab", name="vision")


def test_whoever_reads_only_because_everybody_does_exports_nothing(vision: Project, mallory: User) -> None:
    Project.objects.filter(pk=vision.pk).update(visibility=Visibility.PUBLIC.value)

    with pytest.raises(Forbidden):
        get_project(Actor.person(mallory), Permission.PROJECT_EXPORT, entity="lab", name="vision")


def test_a_key_for_reading_is_enough(vision: Project, alice: User) -> None:
    reading = Actor(audit_id=alice.public_id, user_id=Actor.person(alice).user_id, scope=Scope.READ)

    assert may(reading, Permission.PROJECT_EXPORT, vision)


def test_an_export_is_seen_by_who_asked_and_by_admins_and_fetched_by_who_asked_alone(
    full: Run, vision: Project, alice: User, bob: User, vera: User, mallory: User
) -> None:
    export = make(export_project(vision, by=Actor.person(bob)))

    for user in (bob, alice):
        assert exports_seen_by(Actor.person(user)) == [export]
        assert get_export(Actor.person(user), public_id=export.public_id) == export
    assert get_archive(Actor.person(bob), public_id=export.public_id) == export
    with pytest.raises(NotFound):
        get_archive(Actor.person(alice), public_id=export.public_id)
    for actor in (Actor.person(vera), Actor.person(mallory), Actor.nobody(), Actor.operator()):
        assert exports_seen_by(actor) == []
        with pytest.raises(NotFound):
            get_export(actor, public_id=export.public_id)


def test_of_many_projects_it_is_asked_as_often_as_of_one(lab: Entity, vision: Project, bob: User) -> None:
    by = Actor.person(bob)

    def asks() -> int:
        export = export_entity(lab, Project.objects.filter(entity=lab).order_by("pk"), by=by)
        count, found = questions(lambda: projects_to_export(by, lab))
        assert len(found) == Project.objects.count()
        return count + questions(lambda: require_all(by, export))[0]

    of_one = asks()
    for number in range(3):
        work.project("lab", f"another-{number}", by=bob)

    assert asks() == of_one


@pytest.mark.parametrize("public_id", ["", "x", "a" * 20, "a\0", "%"])
def test_no_id_is_guessed(alice: User, public_id: str) -> None:
    with pytest.raises(NotFound):
        get_export(Actor.person(alice), public_id=public_id)


def test_who_is_no_member_any_more_does_not_fetch_an_older_one(full: Run, vision: Project, bob: User) -> None:
    export = make(export_project(vision, by=Actor.person(bob)))
    Membership.objects.filter(user=bob).delete()

    with pytest.raises(NotFound):
        get_archive(Actor.person(bob), public_id=export.public_id)


def test_who_was_left_out_of_a_project_does_not_fetch_an_older_one(
    full: Run, vision: Project, bob: User
) -> None:
    export = make(export_project(vision, by=Actor.person(bob)))
    Project.objects.filter(pk=vision.pk).update(visibility=Visibility.RESTRICTED.value)

    with pytest.raises(NotFound):
        get_archive(Actor.person(bob), public_id=export.public_id)


def test_who_is_no_admin_any_more_does_not_fetch_one_with_the_record(lab: Entity, bob: User) -> None:
    by, place = Actor.person(bob), Membership.objects.filter(user=bob, entity=lab)
    place.update(role=MemberRole.ADMIN.value)
    with_record, without = (make(export_entity(lab, [], by=by)) for _ in range(2))
    Export.objects.filter(pk=without.pk).update(has_record=False)  # as one that bob asked for as a member
    assert with_record.has_record and get_archive(by, public_id=with_record.public_id) == with_record

    place.update(role=MemberRole.MEMBER.value)

    with pytest.raises(Forbidden):
        get_archive(by, public_id=with_record.public_id)
    assert get_archive(by, public_id=without.public_id) == without


def test_one_that_is_not_ready_is_not_fetched(export: Export, alice: User) -> None:
    with pytest.raises(NotFound):
        get_archive(Actor.person(alice), public_id=export.public_id)


def test_the_record_says_who_took_it_along(export: Export, alice: User, vision: Project) -> None:
    note_fetched(make(export), by=Actor.person(alice))

    events = Event.objects.filter(kind__startswith="export.").order_by("pk")
    assert [(each.kind, each.subject, each.project, each.by) for each in events] == [
        (f"export.{what}", export.public_id, vision.public_id, alice.public_id)
        for what in ("asked", "fetched")
    ]


@pytest.mark.parametrize(("who", "has_record"), [("alice", True), ("bob", False)])
def test_the_record_and_the_people_of_a_project_are_for_those_who_may_see_them(
    full: Run, vision: Project, request: pytest.FixtureRequest, who: str, has_record: bool
) -> None:
    actor = Actor.person(request.getfixturevalue(who))

    archive = opened(make(export_entity(vision.entity, [vision], by=actor)))

    assert ("audit.jsonl" in archive.namelist()) is has_record
    assert [each["name"] for each in read_json(archive, "entity.json")["people"]] == ["alice", "bob", "vera"]
    left_out = [each["path"] for each in read_json(archive, "manifest.json")["not_included"]]
    assert ("audit.jsonl" in left_out) is not has_record
