from __future__ import annotations

from datetime import timedelta

import pytest

from apps.accounts.models import Replay, User
from apps.accounts.replays import forget_old
from apps.core import clock
from apps.projects.models import Project
from apps.runs.models import Run
from tests.api.conftest import API, RUN, VISION, Ask

RUNS = f"{VISION}/runs"


def test_a_repetition_is_answered_again_and_carried_out_once(ask: Ask, vision: Project) -> None:
    first, second = (
        ask("POST", RUNS, {"display_name": "one"}, by="alice", Idempotency_Key="k1") for _ in range(2)
    )

    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json
    assert Run.objects.count() == 1


def test_rows_are_added_once(ask: Ask, told: Run) -> None:
    answers = [
        ask("POST", f"{RUN}/history", {"rows": [{"a": 1}]}, by="bob", Idempotency_Key="k") for _ in range(3)
    ]

    assert [each.json for each in answers] == [{"first_line": 20, "line_count": 1}] * 3
    told.refresh_from_db()
    assert told.history_lines == 21


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [("POST", RUNS, {"notes": "other"}), ("POST", f"{API}/projects", {"name": "b"})],
)
def test_a_key_with_another_request_is_refused(
    ask: Ask, vision: Project, method: str, url: str, body: object
) -> None:
    ask("POST", RUNS, {"notes": "one"}, by="alice", Idempotency_Key="k1")

    answer = ask(method, url, body, by="alice", Idempotency_Key="k1")

    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")


def test_keys_of_two_people_do_not_meet(ask: Ask, vision: Project) -> None:
    for who in ("alice", "bob"):
        assert ask("POST", RUNS, {}, by=who, Idempotency_Key="k1").status == 201

    assert Run.objects.count() == 2


def test_a_failure_leaves_no_trace_and_may_be_tried_again(ask: Ask, vision: Project) -> None:
    ask("POST", RUNS, {"name": "a"}, by="alice")

    assert ask("POST", RUNS, {"name": "a"}, by="alice", Idempotency_Key="k1").status == 409
    assert Replay.objects.count() == 0


def test_a_repetition_asks_the_gate_again(ask: Ask, vision: Project, bob: User) -> None:
    assert ask("POST", RUNS, {"name": "a"}, by="bob", Idempotency_Key="k1").status == 201
    vision.entity.memberships.filter(user=bob).delete()

    assert ask("POST", RUNS, {"name": "a"}, by="bob", Idempotency_Key="k1").status == 404


def test_nothing_of_the_request_is_kept(ask: Ask, vision: Project) -> None:
    ask("POST", RUNS, {"notes": "canary"}, by="alice", Idempotency_Key="canary-key")

    row = Replay.objects.values_list().get()
    assert "canary" not in str(row)


def test_they_are_forgotten_after_a_day(ask: Ask, vision: Project) -> None:
    for number in range(2):
        ask("POST", RUNS, {}, by="alice", Idempotency_Key=f"k{number}")
    old = Replay.objects.order_by("pk")[0]
    Replay.objects.filter(pk=old.pk).update(created_at=clock.now() - timedelta(hours=25))

    assert forget_old() == 1
    assert Replay.objects.count() == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
def test_a_key_that_is_none_is_refused(ask: Ask, vision: Project, key: str) -> None:
    assert ask("POST", RUNS, {}, by="alice", Idempotency_Key=key).status == 400
