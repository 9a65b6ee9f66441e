from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.projects.models import Project
from apps.projects.retention import retention_of
from apps.projects.services import choose_retention, unset_retention
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.factories import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def held(project: Project) -> tuple[int | None, bool]:
    project = Project.objects.select_related("entity").get(pk=project.pk)
    rule = retention_of([project])[project.pk]
    return rule.days, rule.is_own


def test_runs_stay_while_nobody_has_chosen(vision: Project) -> None:
    assert held(vision) == (None, False)


def test_a_project_has_what_its_entity_has_until_it_chooses(vision: Project, lab: Entity, by: Actor) -> None:
    choose(lab, SettingName.RUN_RETENTION_DAYS, 90, by=by)
    assert held(vision) == (90, False)

    choose_retention(vision, 30, by=by)
    assert held(vision) == (30, True)

    choose_retention(vision, None, by=by)
    assert held(vision) == (None, True)

    unset_retention(vision, by=by)
    assert held(vision) == (90, False)


def test_a_project_keeps_no_longer_than_an_organisation_lets_it(
    vision: Project, lab: Entity, alice: User, by: Actor
) -> None:
    choose_retention(vision, 200, by=by)
    institute = people.organisation("institute", admin=alice, teams=[lab])
    choose(institute, SettingName.RUN_RETENTION_DAYS, 60, by=by, enforce=True)

    assert held(vision) == (60, False)
    for days in (61, None):
        with pytest.raises(Forbidden):
            choose_retention(vision, days, by=by)
    choose_retention(vision, 7, by=by)
    assert held(vision) == (7, True)


def test_only_admins_choose_and_outsiders_see_no_project(
    vision: Project, bob: User, vera: User, mallory: User
) -> None:
    for user, refusal in ((bob, Forbidden), (vera, Forbidden), (mallory, NotFound)):
        with pytest.raises(refusal):
            choose_retention(vision, 7, by=Actor.person(user))

    assert held(vision) == (None, False)


@pytest.mark.parametrize("days", [0, -1, 36_501, True])
def test_what_is_no_number_of_days_is_refused(vision: Project, by: Actor, days: int) -> None:
    with pytest.raises(Invalid):
        choose_retention(vision, days, by=by)


def test_a_choice_is_on_the_record_once(vision: Project, by: Actor) -> None:
    choose_retention(vision, 30, by=by)
    choose_retention(vision, 30, by=by)

    (event,) = Event.objects.filter(kind="setting.changed")
    assert (event.subject, event.project) == (vision.public_id, vision.public_id)
    assert event.facts == {"setting": "run_retention_days", "before": "unset", "after": "30"}


def test_many_projects_are_asked_about_with_one_question(
    vision: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    projects = list(Project.objects.select_related("entity"))

    with django_assert_num_queries(1):
        retention_of(projects)
