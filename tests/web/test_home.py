from __future__ import annotations

import re

import pytest

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.erasure.services import erase_project
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.teams.services.suspending import suspend_entity
from apps.web.sparks import HEIGHT, _placed
from tests.factories import work
from tests.web.conftest import Log, Visit, text_of


def test_home_without_a_run_shows_how_to_log_one(visit: Visit, alice: User) -> None:
    words = text_of(visit("/", by="alice"))

    assert "export WANDB_BASE_URL=http://testserver" in words
    assert "Waiting for the first run" in words


def test_home_without_a_run_leads_to_the_lines_of_ones_teams(visit: Visit, lab: Entity, bob: User) -> None:
    page = visit("/", by="bob")

    assert "The lines for a team stand on its page: lab" in text_of(page)
    assert '<a href="/lab">lab</a>' in page.content.decode()
    assert "export WANDB_ENTITY=lab" in text_of(visit("/lab", by="bob"))


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


# ── Tiny charts ──


def test_a_row_has_a_tiny_chart_of_the_newest_run(visit: Visit, told: Run) -> None:
    page = visit("/", by="alice").content.decode()
    drawn = visit("/home/sparks", by="alice", project=told.project.public_id)

    assert f'data-spark="{told.project.public_id}"' in page
    assert "val/acc 0.5000" in text_of(drawn)
    path = re.search(r'<path d="M([^"]+)"', drawn.content.decode())
    assert path is not None
    assert all(0 <= float(y) <= HEIGHT for _, y in (point.split() for point in path[1].split("L")))
    assert b"style=" not in drawn.content


def test_a_chart_passes_by_runs_that_logged_no_line(visit: Visit, told: Run, alice: User, log: Log) -> None:
    log(work.run(told.project, "at-once-over", by=alice), [{"loss": 1, "_step": 0}])

    assert "val/acc" in text_of(visit("/home/sparks", by="alice", project=told.project.public_id))


def test_a_metric_without_a_number_to_draw_has_no_chart(
    visit: Visit, vision: Project, alice: User, log: Log
) -> None:
    log(work.run(vision, "nan", by=alice), [{"loss": float("nan"), "_step": n} for n in range(3)])

    answer = visit("/home/sparks", by="alice", project=vision.public_id).content.decode()

    assert f'data-spark-of="{vision.public_id}"' in answer
    assert "<svg" not in answer


@pytest.mark.parametrize("by", ["mallory", "bob"])
def test_charts_are_for_those_who_may_see_the_project(
    visit: Visit, told: Run, mallory: User, bob: User, by: str
) -> None:
    answer = visit("/home/sparks", by=by, project=told.project.public_id)

    assert ("val/acc" in text_of(answer)) is (by == "bob")
    if by == "mallory":
        assert answer.content == visit("/home/sparks", by=by, project="a" * 20).content


def test_charts_that_take_long_are_left_for_another_request(
    visit: Visit, told: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.web.sparks._SECONDS_AT_ONCE", -1)
    other = work.project("alice", "other", by=alice)

    asked = [told.project.public_id, other.public_id]
    answer = visit("/home/sparks", by="alice", project=asked).content.decode()

    assert re.findall(r'data-spark-of="(\w+)"', answer) == asked[:1]


def test_a_chart_of_values_as_far_apart_as_numbers_go_stays_in_its_frame() -> None:
    assert _placed([(0, -1.7e308), (1, 1.7e308)]) == [(2.5, 21.5), (117.5, 2.5)]
    assert _placed([(3, 5.0)]) == [(60.0, 12.0)]


# ── Search ──


def test_search_keeps_what_is_called_described_or_owned_so(
    visit: Visit, vision: Project, alice: User
) -> None:
    other = work.project("alice", "Größe", by=alice)
    update_project(other, by=Actor.person(alice), description="Full-width ＬoＲＡ")

    def found(words: str) -> set[str]:
        page = visit("/", by="alice", q=words).content.decode()
        return set(re.findall(r'title="(vision|Größe)"', page))

    assert found("VIS") == {"vision"}
    assert found("lab vision") == {"vision"}
    assert found("grösse") == {"Größe"}
    assert found("lora") == {"Größe"}
    assert found("vision grösse") == set()
    assert found("") == {"vision", "Größe"}
    assert "No project is called so" in text_of(visit("/", by="alice", q="<script>"))


def test_who_only_looks_is_not_told_to_log(visit: Visit, lab: Entity) -> None:
    """An empty team: its member is given the lines that log there, its viewer is not."""
    assert "These lines log it" in text_of(visit("/lab", by="bob"))
    seen = text_of(visit("/lab", by="vera"))
    assert "You look on here" in seen and "These lines log it" not in seen
    assert "The lines for a team stand on its page" in text_of(visit("/", by="bob"))
    assert "The lines for a team stand on its page" not in text_of(visit("/", by="vera"))


def test_search_of_an_entity(visit: Visit, vision: Project) -> None:
    assert "vision" in text_of(visit("/lab", by="vera", q="visi"))
    assert "No project is called so" in text_of(visit("/lab", by="vera", q="nothing"))


# ── The margin ──


def test_the_margin_says_who_can_open_the_projects(visit: Visit, run: Run, alice: User) -> None:
    work.project("alice", "own", by=alice)
    shown = work.project("lab", "shown", by=alice)
    update_project(shown, by=Actor.person(alice), visibility=Visibility.PUBLIC)

    words = text_of(visit("/", by="alice"))

    assert "You alone 1 project People of a team 1 project Anybody 1 project" in words
    assert "Runs 1 Running now 1 Code saving off New projects private" in words
    assert "API keys that work 0 Last used never" in words


def test_the_margin_says_what_somebody_chose_for_new_runs_and_projects(
    visit: Visit, send: Visit, alice: User
) -> None:
    work.project("alice", "own", by=alice)
    assert send("/settings/code-saving", by="alice", code_saving="on").status_code == 302
    assert send("/settings/privacy", by="alice", default_visibility="public").status_code == 302

    words = text_of(visit("/", by="alice"))

    assert "Code saving on New projects public" in words


def test_the_margin_says_who_looked_and_what_is_being_erased(
    visit: Visit, alice: User, mallory: User
) -> None:
    shown = work.project("alice", "shown", by=alice)
    update_project(shown, by=Actor.person(alice), visibility=Visibility.PUBLIC)
    before = text_of(visit("/", by="alice"))

    visit("/alice/shown", by="mallory")
    job = erase_project(work.project("alice", "gone", by=alice), by=Actor.person(alice))
    after = text_of(visit("/", by="alice"))

    assert "Nobody else looked into your own projects." in before
    assert "Being erased" not in before
    assert "Who saw your data mallory looked into a project: shown just now" in after
    assert "Being erased A project with everything in it gone can be taken back until" in after
    assert f'href="/settings/erasures/{job.public_id}"' in visit("/", by="alice").content.decode()
    assert "Being erased" not in text_of(visit("/", by="mallory"))


def test_who_looks_again_and_again_is_one_line_of_the_margin(visit: Visit, alice: User) -> None:
    work.project("alice", "shown", by=alice)
    for page in ("/admin/accounts/user/", "/admin/sizes", "/admin/teams/entity/"):
        visit(page, by="alice")  # the first account owns the instance

    assert (
        text_of(visit("/", by="alice")).count("alice looked at sizes, dates and states, as an operator") == 1
    )


def test_who_erases_their_last_project_sees_until_when_it_can_be_taken_back(
    visit: Visit, alice: User
) -> None:
    erase_project(work.project("alice", "only", by=alice), by=Actor.person(alice))

    words = text_of(visit("/", by="alice"))

    assert "Log a first run" in words
    assert "A project with everything in it only can be taken back until" in words


def test_a_person_who_is_suspended_comes_to_the_projects_of_their_team(
    visit: Visit, alice: User, lab: Entity
) -> None:
    work.project("lab", "ours", by=alice)
    own, operator = Entity.objects.get(user=alice), Actor.person(alice)  # the first account owns the instance
    suspend_entity(own, by=operator)

    assert "ours" in text_of(visit("/", by="alice"))


# ── The first run ──


def test_an_empty_team_shows_how_to_log_there_and_notices_its_own_first_run(
    visit: Visit, alice: User, lab: Entity
) -> None:
    work.run(work.project("alice", "elsewhere", by=alice), "one", by=alice)

    words = text_of(visit("/lab", by="alice"))
    before = visit("/home/first-run", by="alice", entity="lab")
    work.project("lab", "first", by=alice)
    after = visit("/home/first-run", by="alice", entity="lab")

    assert "export WANDB_ENTITY=lab" in words
    assert (before.status_code, before.headers.get("HX-Refresh")) == (204, None)
    assert after.headers.get("HX-Refresh") == "true"


def test_a_page_that_shows_a_key_is_given_the_way_and_not_loaded_again(visit: Visit, alice: User) -> None:
    work.project("alice", "first", by=alice)

    answer = visit("/home/first-run", by="alice", stay="1")

    assert "HX-Refresh" not in answer.headers
    assert 'href="/alice/first"' in answer.content.decode()


def test_a_key_that_is_made_on_a_teams_page_logs_there(
    send: Visit, visit: Visit, alice: User, lab: Entity
) -> None:
    page = send("/settings/api-keys", by="alice", entity="lab").content.decode()
    others = send("/settings/api-keys", by="alice", entity="somebody").content.decode()

    assert "export WANDB_ENTITY=lab\n" in page
    assert "entity=lab&amp;stay=1" in page
    assert "WANDB_ENTITY" not in others
