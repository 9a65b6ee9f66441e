"""What an organisation keeps to the people of its teams, also where it was shared before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.access.policy import Permission, Role, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.core.errors import NotFound
from apps.projects.gate import listed, may, role_in_project, roles_in_projects
from apps.projects.models import Project
from apps.projects.queries import find_share_link, get_project, named_counts, open_project
from apps.projects.services import make_share_link, name_person, update_project
from apps.projects.types import NamedRole
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation
from apps.teams.services import choose, let_team_go, unset
from tests.factories import people, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def group(alice: User, lab: Entity) -> Organisation:
    group = people.organisation("group", admin=alice, teams=[lab])
    lab.refresh_from_db()
    return group


def keep(group: Organisation, *, by: User) -> None:
    choose(group, SettingName.PRIVATE_ONLY, True, by=Actor.person(by))


def fresh(project: Project) -> Project:
    return Project.objects.select_related("entity").get(pk=project.pk)


@pytest.mark.parametrize("visibility", [Visibility.PUBLIC, Visibility.OPEN])
def test_what_was_published_before_is_the_teams_again(
    vision: Project, group: Organisation, alice: User, vera: User, mallory: User, visibility: Visibility
) -> None:
    by, stranger, viewer = Actor.person(alice), Actor.person(mallory), Actor.person(vera)
    vision = update_project(vision, by=by, visibility=visibility)
    assert may(stranger, Permission.RUN_READ, vision)

    keep(group, by=alice)

    for outsider in (stranger, Actor.nobody()):
        with pytest.raises(NotFound):
            get_project(outsider, Permission.PROJECT_READ, entity="lab", name="vision")
        assert listed(outsider, [fresh(vision)]) == []
    assert not may(stranger, Permission.RUN_CREATE, fresh(vision))
    assert open_project(get_project(viewer, Permission.RUN_READ, entity="lab", name="vision")).visibility == (
        Visibility.PRIVATE
    )


LIFTED: dict[str, Callable[[Organisation, Actor], None]] = {
    "taken back": lambda group, by: unset(group, SettingName.PRIVATE_ONLY, by=by),
    "switched off": lambda group, by: choose(group, SettingName.PRIVATE_ONLY, False, by=by),
    "let go": lambda group, by: let_team_go(group, "lab", by=by),
}


@pytest.mark.parametrize("how", LIFTED)
@pytest.mark.parametrize("visibility", [Visibility.PUBLIC, Visibility.OPEN])
def test_what_was_closed_stays_closed_until_the_team_publishes_it_again(
    vision: Project, group: Organisation, alice: User, mallory: User, visibility: Visibility, how: str
) -> None:
    by, stranger = Actor.person(alice), Actor.person(mallory)
    update_project(vision, by=by, visibility=visibility)
    quiet = update_project(work.project("lab", "quiet", by=alice), by=by, visibility=Visibility.RESTRICTED)
    elsewhere = work.project("alice", "own", by=alice)
    update_project(elsewhere, by=by, visibility=visibility)
    keep(group, by=alice)
    work.run(vision, "meanwhile", by=alice)

    LIFTED[how](group, by)

    assert [Project.objects.get(pk=each.pk).visibility for each in (vision, quiet, elsewhere)] == [
        Visibility.PRIVATE,
        Visibility.RESTRICTED,
        visibility,
    ]
    with pytest.raises(NotFound):
        get_project(stranger, Permission.PROJECT_READ, entity="lab", name="vision")
    noted = Event.objects.filter(kind=EventKind.VISIBILITY_CHANGED, facts__before=visibility.value).last()
    assert noted is not None
    assert (noted.by, noted.subject, noted.entity) == (
        alice.public_id,
        vision.public_id,
        vision.entity.public_id,
    )
    assert noted.facts["after"] == Visibility.PRIVATE
    update_project(fresh(vision), by=by, visibility=visibility)
    assert may(stranger, Permission.RUN_READ, fresh(vision))


def test_what_no_organisation_closed_stays_open_when_its_settings_change_or_the_team_leaves(
    vision: Project, group: Organisation, alice: User, mallory: User
) -> None:
    by = Actor.person(alice)
    update_project(vision, by=by, visibility=Visibility.PUBLIC)
    choose(group, SettingName.CODE_SAVING, True, by=by)

    unset(group, SettingName.CODE_SAVING, by=by)
    choose(group, SettingName.PRIVATE_ONLY, False, by=by)
    unset(group, SettingName.PRIVATE_ONLY, by=by)
    let_team_go(group, "lab", by=by)

    assert may(Actor.person(mallory), Permission.RUN_READ, fresh(vision))


def test_whoever_was_let_in_by_name_or_link_is_outside(
    vision: Project, group: Organisation, alice: User, bob: User, mallory: User
) -> None:
    by = Actor.person(alice)
    vision = update_project(vision, by=by, visibility=Visibility.RESTRICTED)
    for name in ("bob", "mallory"):
        name_person(vision, username=name, role=NamedRole.VIEWER, by=by)
    link, secret = make_share_link(vision, label="", days=7, by=by)
    guest = replace(Actor.nobody(), shares=frozenset({link.public_id}))
    roles = [role_in_project(each, fresh(vision)) for each in (Actor.person(mallory), guest)]
    assert roles == [Role.VIEWER, Role.GUEST]
    assert named_counts(by)[vision.pk] == 2

    keep(group, by=alice)

    roles = [role_in_project(each, fresh(vision)) for each in (Actor.person(mallory), guest)]
    assert roles == [Role.STRANGER, Role.NOBODY]
    assert role_in_project(Actor.person(bob), fresh(vision)) is Role.VIEWER
    assert named_counts(by)[vision.pk] == 1
    with pytest.raises(NotFound):
        find_share_link(secret)


def test_others_projects_stay_as_they_are_and_cost_nothing(
    vision: Project,
    group: Organisation,
    alice: User,
    mallory: User,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    keep(group, by=alice)
    theirs = fresh(work.project("mallory", "theirs", by=mallory))
    theirs = update_project(theirs, by=Actor.person(mallory), visibility=Visibility.PUBLIC)

    with django_assert_num_queries(0):  # neither a team nor under an organisation: nothing is looked up
        roles = roles_in_projects(Actor.person(alice), [theirs])
    assert roles == {theirs.pk: Role.STRANGER}
    assert may(Actor.nobody(), Permission.RUN_READ, theirs)
