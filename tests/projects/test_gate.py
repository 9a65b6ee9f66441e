from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.access.policy import Permission, Role, Scope, Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.errors import Forbidden, OwnlogError
from apps.projects.gate import listed, may, readable, require, role_in_project, roles_in_projects
from apps.projects.models import Project, ProjectMember, ShareLink
from apps.projects.queries import (
    get_project,
    has_projects,
    my_projects,
    named_counts,
    projects_of,
    readable_projects,
)
from apps.projects.services import update_project
from apps.runs.queries import get_run, get_run_by_id, may_do
from apps.teams.gate import role_in
from apps.teams.models import Entity
from apps.teams.types import MemberRole
from tests.factories import people, work

pytestmark = pytest.mark.django_db
EVERYBODY = ("alice", "bob", "vera", "mallory", "nobody")


@pytest.fixture
def actors(alice: User, bob: User, vera: User, mallory: User) -> dict[str, Actor]:
    named = {user.username: Actor.person(user) for user in (alice, bob, vera, mallory)}
    return named | {"nobody": Actor.nobody()}


def shown_as(project: Project, visibility: Visibility, *, by: User) -> Project:
    return update_project(project, by=Actor.person(by), visibility=visibility)


def name(project: Project, user: User, role: str = "viewer") -> None:
    is_outsider = role_in(Actor.person(user), project.entity) is Role.STRANGER
    ProjectMember.objects.create(project=project, user=user, role=role, is_outsider=is_outsider)


def link(project: Project, *, seconds: int = 60) -> ShareLink:
    return ShareLink.objects.create(
        project=project,
        created_by=User.objects.get(username="alice"),
        secret_sha256_hex=str(ShareLink.objects.count()),
        expires_at=clock.now() + timedelta(seconds=seconds),
    )


def holding(actor: Actor, *links: ShareLink) -> Actor:
    return replace(actor, shares=frozenset(each.public_id for each in links))


def heard(actor: Actor, permission: Permission, project: Project) -> str:
    try:
        require(actor, permission, project)
    except OwnlogError as error:
        return error.code
    return "passes"


IN, OUT, NOT_SO = "passes", "not_found", "forbidden"


@pytest.mark.promise("P-23")
@pytest.mark.parametrize(
    ("permission", "visibility", "answers"),
    [
        (Permission.RUN_READ, Visibility.PRIVATE, (IN, IN, IN, OUT, OUT)),
        (Permission.RUN_WRITE, Visibility.PRIVATE, (IN, IN, NOT_SO, OUT, OUT)),
        (Permission.PROJECT_ADMIN, Visibility.PRIVATE, (IN, NOT_SO, NOT_SO, OUT, OUT)),
        (Permission.PROJECT_SHARE, Visibility.PRIVATE, (IN, NOT_SO, NOT_SO, OUT, OUT)),
        (Permission.RUN_READ, Visibility.RESTRICTED, (IN, OUT, OUT, OUT, OUT)),
        (Permission.RUN_READ, Visibility.PUBLIC, (IN, IN, IN, IN, IN)),
        (Permission.RUN_WRITE, Visibility.PUBLIC, (IN, IN, NOT_SO, NOT_SO, NOT_SO)),
        (Permission.PROJECT_SHARE, Visibility.PUBLIC, (IN, NOT_SO, NOT_SO, NOT_SO, NOT_SO)),
        (Permission.RUN_CREATE, Visibility.OPEN, (IN, IN, IN, IN, NOT_SO)),
    ],
)
def test_outsiders_hear_not_found_and_insiders_forbidden(
    vision: Project,
    alice: User,
    actors: dict[str, Actor],
    permission: Permission,
    visibility: Visibility,
    answers: tuple[str, ...],
) -> None:
    project = shown_as(vision, visibility, by=alice)

    assert tuple(heard(actors[who], permission, project) for who in EVERYBODY) == answers
    assert tuple(may(actors[who], permission, project) for who in EVERYBODY) == tuple(
        answer == IN for answer in answers
    )


# ── people by name ──


@pytest.mark.parametrize(("as_named", "role"), [("member", Role.MEMBER), ("viewer", Role.VIEWER)])
def test_people_named_in_a_restricted_project_are_that_there(
    vision: Project, alice: User, bob: User, mallory: User, as_named: str, role: Role
) -> None:
    project = shown_as(vision, Visibility.RESTRICTED, by=alice)
    name(project, bob, as_named)
    name(project, mallory, as_named)

    assert role_in_project(Actor.person(bob), project) is role
    assert role_in_project(Actor.person(mallory), project) is role
    assert heard(Actor.person(mallory), Permission.RUN_WRITE, project) == (
        IN if role is Role.MEMBER else NOT_SO
    )
    assert heard(Actor.person(mallory), Permission.PROJECT_SHARE, project) == NOT_SO


def test_being_named_counts_while_the_project_is_restricted(
    vision: Project, alice: User, mallory: User
) -> None:
    name(vision, mallory, "member")
    heard_as = [
        heard(Actor.person(mallory), Permission.RUN_WRITE, shown_as(vision, visibility, by=alice))
        for visibility in Visibility
    ]

    assert heard_as == [OUT, IN, NOT_SO, NOT_SO]


def test_a_restricted_project_is_in_the_lists_of_those_named_and_of_no_others(
    vision: Project, alice: User, actors: dict[str, Actor], mallory: User, lab: Entity
) -> None:
    project = shown_as(vision, Visibility.RESTRICTED, by=alice)
    name(project, mallory)

    for who, there in {"alice": True, "bob": False, "vera": False, "mallory": True, "nobody": False}.items():
        actor = actors[who]
        names = ["vision"] if there else []
        assert [each.name for each in projects_of(actor, lab)] == names
        assert [each.name for each in my_projects(actor)] == names
        assert has_projects(actor) is there
        assert has_projects(actor, entity="lab") is there
        assert readable_projects(actor, [project.public_id]) == ([project] if there else [])


def test_nothing_of_the_entity_is_open_to_somebody_who_is_named(
    vision: Project, alice: User, mallory: User, lab: Entity
) -> None:
    work.project("lab", "speech", by=alice)
    name(shown_as(vision, Visibility.RESTRICTED, by=alice), mallory, "member")

    assert [each.name for each in projects_of(Actor.person(mallory), lab)] == ["vision"]
    assert (
        heard(Actor.person(mallory), Permission.RUN_READ, Project.objects.exclude(pk=vision.pk).get()) == OUT
    )


def test_people_named_are_counted_beside_the_admins(
    vision: Project, alice: User, bob: User, mallory: User
) -> None:
    project = shown_as(vision, Visibility.RESTRICTED, by=alice)
    own = shown_as(work.project("alice", "diary", by=alice), Visibility.RESTRICTED, by=alice)
    for place in (project, own):
        for user in (alice, bob, mallory):
            name(place, user)

    assert named_counts(Actor.person(alice)) == {project.pk: 2, own.pk: 2}
    assert named_counts(Actor.nobody(), project) == {project.pk: 2}


# ── share links ──


def test_a_link_lets_in_to_read_its_project_and_nothing_else(
    vision: Project, alice: User, mallory: User, lab: Entity
) -> None:
    other = work.project("lab", "speech", by=alice)
    guests = [holding(actor, link(vision)) for actor in (Actor.nobody(), Actor.person(mallory))]

    for guest in guests:
        assert role_in_project(guest, vision) is Role.GUEST
        assert {p for p in Permission if may(guest, p, vision)} == {
            Permission.FILE_READ,
            Permission.PROJECT_READ,
            Permission.RUN_READ,
        }
        assert heard(guest, Permission.RUN_WRITE, vision) == NOT_SO
        assert heard(guest, Permission.RUN_READ, other) == OUT
        assert readable(guest, [vision, other]) == [vision]


def test_a_link_puts_nothing_into_lists(vision: Project, mallory: User, lab: Entity) -> None:
    guest = holding(Actor.person(mallory), link(vision))

    assert (projects_of(guest, lab), my_projects(guest), listed(guest, [vision])) == ([], [], [])


def test_links_that_ended_and_that_were_taken_back_open_nothing(vision: Project) -> None:
    over, taken_back = link(vision, seconds=-1), link(vision)
    guest = holding(Actor.nobody(), over, taken_back)
    assert heard(guest, Permission.RUN_READ, vision) == IN

    ShareLink.objects.filter(pk=taken_back.pk).update(revoked_at=clock.now())

    assert heard(guest, Permission.RUN_READ, vision) == OUT
    assert heard(replace(guest, shares=frozenset({"\x00", "x" * 50})), Permission.RUN_READ, vision) == OUT


def test_a_link_makes_nobody_less(vision: Project, alice: User, bob: User, mallory: User) -> None:
    shared = link(vision)

    assert role_in_project(holding(Actor.person(bob), shared), vision) is Role.MEMBER
    project = shown_as(vision, Visibility.OPEN, by=alice)
    assert heard(holding(Actor.person(mallory), shared), Permission.RUN_CREATE, project) == IN
    assert heard(holding(Actor.nobody(), shared), Permission.RUN_CREATE, project) == NOT_SO


def test_a_member_who_is_not_named_may_hold_a_link(vision: Project, alice: User, bob: User) -> None:
    project = shown_as(vision, Visibility.RESTRICTED, by=alice)

    assert role_in_project(holding(Actor.person(bob), link(project)), project) is Role.GUEST


# ── keys ──


@pytest.mark.promise("P-24")
@pytest.mark.parametrize(
    ("scope", "answers"),
    [(Scope.READ, (IN, NOT_SO, NOT_SO)), (Scope.WRITE, (IN, IN, NOT_SO)), (Scope.ADMIN, (IN, IN, IN))],
)
def test_a_key_carries_no_more_than_its_scope(
    vision: Project, alice: User, scope: Scope, answers: tuple[str, ...]
) -> None:
    run = work.run(vision, "run1", by=alice)
    actor = replace(Actor.person(alice), scope=scope)
    asked = (Permission.RUN_READ, Permission.RUN_WRITE, Permission.PROJECT_SHARE)

    assert tuple(heard(actor, permission, vision) for permission in asked) == answers
    # Also to a run that its owner added.
    assert may_do(actor, Permission.RUN_WRITE, run) is (answers[1] == IN)
    for permission in asked[:2]:
        if not may(actor, permission, vision):
            with pytest.raises(Forbidden, match="the scope read of this API key does not"):
                get_run(actor, permission, entity="lab", project="vision", name="run1")
            with pytest.raises(Forbidden, match="the scope read of this API key does not"):
                get_run_by_id(actor, permission, public_id=run.public_id)


@pytest.mark.promise("P-24")
def test_a_key_for_one_entity_reads_elsewhere_what_is_public(
    vision: Project, alice: User, mallory: User
) -> None:
    diary = work.project("alice", "diary", by=alice)
    theirs = shown_as(work.project("mallory", "plans", by=mallory), Visibility.RESTRICTED, by=mallory)
    name(theirs, alice, "member")
    own = diary.entity_id
    actor = replace(Actor.person(alice), only_entity=own)

    assert [heard(actor, Permission.RUN_READ, each) for each in (diary, vision, theirs)] == [IN, OUT, OUT]
    assert [each.name for each in my_projects(actor)] == ["diary"]
    project = shown_as(vision, Visibility.OPEN, by=alice)
    assert heard(actor, Permission.RUN_READ, project) == IN
    assert heard(actor, Permission.RUN_CREATE, project) == NOT_SO


# ── what it costs ──


@pytest.mark.parametrize("count", [1, 3])
def test_standings_in_many_projects_by_three_questions(
    alice: User, bob: User, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    projects = []
    for n in range(count):
        people.team(f"team{n}", admin=alice)
        project = shown_as(work.project(f"team{n}", "vision", by=alice), Visibility.RESTRICTED, by=alice)
        name(project, bob)
        projects.append(Project.objects.select_related("entity").get(pk=project.pk))
    actor = holding(Actor.person(bob), link(projects[0]))

    with django_assert_num_queries(3):
        roles = roles_in_projects(actor, projects)

    assert roles == {project.pk: Role.VIEWER for project in projects}


def test_a_private_project_of_ones_own_costs_no_question(
    alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    diary = work.project("alice", "diary", by=alice)

    with django_assert_num_queries(0):
        assert may(Actor.person(alice), Permission.RUN_WRITE, diary)


# ── at once ──


def test_whoever_leaves_the_team_is_named_no_more(
    vision: Project, alice: User, bob: User, mallory: User, lab: Entity
) -> None:
    project = shown_as(vision, Visibility.RESTRICTED, by=alice)
    name(project, bob)
    name(project, mallory)
    assert named_counts(Actor.person(alice)) == {project.pk: 2}

    lab.memberships.filter(user=bob).delete()

    assert role_in_project(Actor.person(bob), project) is Role.STRANGER
    assert my_projects(Actor.person(bob)) == []
    assert role_in_project(Actor.person(mallory), project) is Role.VIEWER
    assert named_counts(Actor.person(alice)) == {project.pk: 1}


def test_a_change_counts_at_the_next_question(vision: Project, alice: User, bob: User, mallory: User) -> None:
    actor = Actor.person(bob)
    get_project(actor, Permission.RUN_WRITE, entity="lab", name="vision")

    vision.entity.memberships.filter(user=bob).update(role=MemberRole.VIEWER)
    assert heard(actor, Permission.RUN_WRITE, vision) == NOT_SO
    vision.entity.memberships.filter(user=bob).delete()
    assert heard(actor, Permission.RUN_READ, vision) == OUT
