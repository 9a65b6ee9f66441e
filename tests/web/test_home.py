from __future__ import annotations

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.models import Run
from tests.factories import work
from tests.web.conftest import Visit, text_of


def test_home_without_a_run_shows_how_to_log_one(visit: Visit, alice: User) -> None:
    words = text_of(visit("/", by="alice"))

    assert "export WANDB_BASE_URL=http://testserver" in words
    assert "Waiting for the first run" in words


def test_first_run_is_noticed(visit: Visit, alice: User) -> None:
    before = visit("/home/first-run", by="alice")
    work.run(work.project("alice", "first", by=alice), "one", by=alice)
    after = visit("/home/first-run", by="alice")

    assert (before.status_code, before.headers.get("HX-Refresh")) == (204, None)
    assert (after.status_code, after.headers.get("HX-Refresh")) == (204, "true")


def test_home_lists_projects_with_badge_activity_and_runs(visit: Visit, run: Run, alice: User) -> None:
    update_project(run.project, by=Actor.person(alice), description="Which augmentation pays?")

    words = text_of(visit("/", by="alice"))

    assert "vision Team, 3 people Which augmentation pays? just now 1 run 1 running" in words


def test_home_shows_nothing_of_others(visit: Visit, vision: Project, mallory: User) -> None:
    assert "vision" not in text_of(visit("/", by="mallory"))


def test_home_asks_the_database_as_often_for_three_projects_as_for_one(
    visit: Visit, alice: User, django_assert_max_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for names in (["one"], ["two", "three"]):
        for name in names:
            work.run(work.project("alice", name, by=alice), "run", by=alice)
        with CaptureQueriesContext(connection) as queries:
            visit("/", by="alice")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_an_entity_shows_what_the_asker_may_see(visit: Visit, vision: Project, vera: User) -> None:
    assert "vision" in text_of(visit("/lab", by="vera"))
