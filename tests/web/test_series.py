from __future__ import annotations

import json
from typing import Any

import pytest

from apps.accounts.models import User
from apps.runs.models import Run
from tests.factories import work
from tests.web.conftest import Log, Visit

RUN = "/lab/vision/runs/told/series"


def _series(visit: Visit, url: str = RUN, **query: Any) -> list[dict[str, Any]]:
    answer: dict[str, Any] = json.loads(visit(url, by="vera", **query).content)
    return list(answer["series"])


def test_points_of_a_metric(visit: Visit, told: Run) -> None:
    (one,) = _series(visit, key="loss")

    assert one["run"] == told.public_id
    assert one["x"] == list(range(20))
    assert one["y"] == pytest.approx([1 / (step + 1) for step in range(20)])


def test_what_is_not_finite_is_a_gap_with_its_place(visit: Visit, told: Run, alice: User, log: Log) -> None:
    run = work.run(told.project, "odd", by=alice)
    log(
        run,
        [{"loss": value, "_step": step} for step, value in enumerate([1.0, float("nan"), float("inf"), 2])],
    )

    (one,) = _series(visit, "/lab/vision/runs/odd/series", key="loss")

    assert one["y"] == [1.0, None, None, 2.0]
    assert one["nan"] == [1, 2]


def test_a_sample_keeps_every_peak(visit: Visit, told: Run, alice: User, log: Log) -> None:
    run = work.run(told.project, "long", by=alice)
    rows = [{"loss": 100.0 if step == 3333 else step % 7, "_step": step} for step in range(10_000)]
    log(run, rows)

    (one,) = _series(visit, "/lab/vision/runs/long/series", key="loss", points=100)

    assert len(one["x"]) <= 400
    assert dict(zip(one["x"], one["y"], strict=True))[3333] == 100.0


def test_a_cursor_brings_what_came_since_and_nothing_twice(visit: Visit, told: Run, log: Log) -> None:
    (first,) = _series(visit, key="loss")
    log(told, [{"loss": 0.5, "_step": 20}, {"other": 1, "_step": 21}])
    (second,) = _series(visit, key="loss", cursor=first["cursor"])
    (third,) = _series(visit, key="loss", cursor=second["cursor"])

    assert (second["x"], second["y"]) == ([20], [0.5])
    assert third["x"] == []


def test_system_metrics_lie_over_seconds(visit: Visit, told: Run) -> None:
    (one,) = _series(visit, key="system.cpu", stream="events")

    assert one["x"] == [0.0, 10.0, 20.0]


def test_a_project_answers_for_its_own_runs_only(visit: Visit, told: Run, alice: User) -> None:
    foreign = work.run(work.project("alice", "secret", by=alice), "r", by=alice)

    found = _series(
        visit, "/lab/vision/series", key="loss", run=[told.public_id, foreign.public_id, "x", "' or 1"]
    )

    assert [one["run"] for one in found] == [told.public_id]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"key": ""},
        {"key": "a" * 3000},
        {"key": "loss", "cursor": "nonsense"},
        {"key": "loss", "cursor": "0~zz.1"},
    ],
)
def test_a_question_that_means_nothing_is_refused(visit: Visit, told: Run, query: dict[str, str]) -> None:
    assert visit(RUN, by="vera", **query).status_code == 400


@pytest.mark.parametrize("points", ["-5", "1e9", "x", "99999999999", ""])
def test_any_number_of_points_is_bounded(visit: Visit, told: Run, points: str) -> None:
    assert visit(RUN, by="vera", key="loss", points=points).status_code == 200
