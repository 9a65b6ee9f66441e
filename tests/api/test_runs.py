"""/api/v1/projects/{entity}/{project}/runs and each run there"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.types import RunState
from tests.api.conftest import LADDER, RUN, VISION, WRITERS, Ask
from tests.factories import work

RUNS = f"{VISION}/runs"


@pytest.mark.parametrize(("who", "status"), LADDER)
@pytest.mark.parametrize("url", [RUNS, RUN])
def test_who_reads_runs(ask: Ask, told: Run, url: str, who: str | None, status: int) -> None:
    assert ask("GET", url, by=who).status == status


@pytest.mark.parametrize(("who", "status"), WRITERS)
def test_who_changes_a_run(ask: Ask, told: Run, who: str | None, status: int) -> None:
    assert ask("PATCH", RUN, {"notes": "new"}, by=who).status == status


@pytest.mark.parametrize(("who", "status"), [*WRITERS])
def test_who_makes_a_run(ask: Ask, told: Run, who: str | None, status: int) -> None:
    assert ask("POST", RUNS, {}, by=who).status == (201 if status == 200 else status)


def test_a_run_as_it_is_shown(ask: Ask, told: Run) -> None:
    found = ask("GET", RUN, by="vera").json

    assert found["name"] == "told" and found["display_name"] == "a run that tells"
    assert (found["tags"], found["state"], found["created_by"]) == (["paper"], "running", "alice")
    assert (found["history_lines"], found["event_lines"], found["console_lines"]) == (20, 3, 5)
    assert "config" not in found


def test_config_and_summary_come_when_asked_for(ask: Ask, told: Run) -> None:
    found = jsontext.loads(ask("GET", f"{RUN}?include=config&include=summary", by="vera").body)

    assert found["config"]["big"] == 123456789012345678901234567890
    assert str(found["summary"]["loss"]) == "nan"


def test_the_filters_and_the_order_of_the_client(ask: Ask, vision: Project, alice: User) -> None:
    for name, lr in (("a", 0.1), ("b", 0.3), ("c", 0.2)):
        work.run(vision, name, by=alice, config_text=json.dumps({"lr": {"value": lr}}))

    query = '?order=-config.lr&filters={"config.lr":{"$gte":0.2}}'
    page = ask("GET", RUNS + query, by="vera").json

    assert [each["name"] for each in page["items"]] == ["b", "c"]
    assert page["total"] == 2


def test_pages_follow_each_other(ask: Ask, vision: Project, alice: User) -> None:
    for number in range(5):
        work.run(vision, f"r{number}", by=alice)

    names: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ask("GET", f"{RUNS}?limit=2&cursor={cursor}", by="vera").json
        names += [each["name"] for each in page["items"]]
        cursor = page["next"]

    assert names == ["r0", "r1", "r2", "r3", "r4"]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "cursor=x", "cursor=YXQ6LTE", "filters={", "order=nonsense", "include=secrets"],
)
def test_a_question_that_means_nothing_is_refused(ask: Ask, told: Run, query: str) -> None:
    assert ask("GET", f"{RUNS}?{query}", by="vera").status == 400


@pytest.mark.parametrize("more", [0, 2])
def test_the_list_asks_a_constant_number_of_questions(
    ask: Ask, vision: Project, alice: User, more: int
) -> None:
    for number in range(1 + more):
        work.run(vision, f"r{number}", by=alice)
    ask("GET", RUNS, by="alice")

    with CaptureQueriesContext(connections["default"]) as asked:
        assert ask("GET", RUNS, by="alice").json["total"] == 1 + more

    assert len(asked) == 8


def test_a_run_that_is_made_has_what_was_sent(ask: Ask, vision: Project) -> None:
    body = {
        "name": "made",
        "display_name": "by hand",
        "notes": " n ",
        "tags": ["a", "b"],
        "group": "g",
        "job_type": "train",
        "state": "finished",
        "config": {"lr": 0.1, "odd": float("inf")},
        "summary": {"loss": 2**70},
    }

    answer = ask("POST", RUNS, body, by="bob")

    assert answer.status == 201
    made = jsontext.loads(answer.body)
    assert {name: made[name] for name in body} == body
    assert ask("GET", f"{RUNS}/made", by="vera").json["display_name"] == "by hand"
    assert ask("POST", RUNS, body, by="bob").status == 409


def test_changes_leave_the_rest(ask: Ask, told: Run) -> None:
    changed = jsontext.loads(ask("PATCH", RUN, {"tags": [], "state": "finished"}, by="bob").body)

    assert (changed["tags"], changed["state"], changed["notes"]) == (
        [],
        "finished",
        "Cut at section borders.",
    )
    assert changed["finished_at"] is not None


@pytest.mark.parametrize(
    "body",
    [
        {"name": "other"},
        {"state": "gone"},
        {"config": []},
        {"config": None},
        {"tags": "a"},
        {"notes": ["a"]},
        [],
    ],
)
def test_changes_that_mean_nothing_are_refused(ask: Ask, told: Run, body: Any) -> None:
    assert ask("PATCH", RUN, body, by="alice").status == 400


def test_nothing_is_sent_that_is_known(ask: Ask, told: Run) -> None:
    tag = ask("GET", RUN, by="vera").headers["ETag"]

    answer = ask("GET", RUN, by="vera", If_None_Match=f'"x", W/{tag}')
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)

    ask("PATCH", RUN, {"notes": "new"}, by="bob")
    assert ask("GET", RUN, by="vera", If_None_Match=tag).status == 200


def test_a_change_to_what_has_changed_meanwhile_is_refused(ask: Ask, told: Run) -> None:
    tag = ask("GET", RUN, by="bob").headers["ETag"]

    first = ask("PATCH", RUN, {"notes": "one"}, by="bob", If_Match=tag)
    second = ask("PATCH", RUN, {"notes": "two"}, by="alice", If_Match=tag)

    assert (first.status, second.status, second.json["code"]) == (200, 412, "changed")
    assert ask("GET", RUN, by="bob").json["notes"] == "one"
    assert ask("PATCH", RUN, {"notes": "three"}, by="bob", If_Match=first.headers["ETag"]).status == 200


@pytest.mark.parametrize(("who", "status"), WRITERS)
def test_who_stops_a_run(ask: Ask, told: Run, who: str | None, status: int) -> None:
    answer = ask("POST", f"{RUN}/stop", by=who)

    assert answer.status == (202 if status == 200 else status)
    if status == 200:
        assert jsontext.loads(answer.body)["is_stop_requested"] is True


def test_what_has_ended_cannot_be_stopped(ask: Ask, told: Run) -> None:
    Run.objects.filter(pk=told.pk).update(state=RunState.FINISHED)

    assert ask("POST", f"{RUN}/stop", by="alice").status == 409
