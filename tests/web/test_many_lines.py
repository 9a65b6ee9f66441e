"""One metric of many runs in one answer: what it costs, how it is packed, what came since, and means to compare by."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.web.panels import MOST_DRAWN
from apps.web.views.series import PACKED
from tests.factories import work
from tests.web.conftest import Log, Visit, text_of

SERIES = "/lab/vision/series"


@pytest.fixture
def ask(vera: User) -> Any:
    client = Client()
    client.force_login(vera, backend="django.contrib.auth.backends.ModelBackend")

    def get(accept: str = PACKED, **query: Any) -> Any:
        return client.get(SERIES, {"key": "loss"} | query, headers={"Accept": accept})

    return get


@pytest.fixture
def runs(vision: Project, alice: User, log: Log) -> list[Run]:
    made = [work.run(vision, f"r{number}", by=alice) for number in range(4)]
    for number, run in enumerate(made):
        log(run, [{"loss": float(number * 10 + step), "_step": step} for step in range(6)])
    for run in made[:2]:
        store.compact(run)
    return made


def _ids(runs: list[Run]) -> list[str]:
    return [run.public_id for run in runs]


def unpacked(body: bytes) -> list[dict[str, Any]]:
    size = int.from_bytes(body[:4], "little")
    facts, place = json.loads(body[4 : 4 + size]), 4 + size
    assert place % 8 == 0
    for one in facts["series"]:
        one["data"] = []
        for _ in range(one["columns"]):
            one["data"].append(list(struct.unpack_from(f"<{one['count']}d", body, place)))
            place += 8 * one["count"]
    assert place == len(body)
    return list(facts["series"])


def test_packed_points_are_those_of_the_json(ask: Any, runs: list[Run]) -> None:
    packed = unpacked(ask(run=_ids(runs)).content)
    written = ask("application/json", run=_ids(runs)).json()["series"]

    assert [one["run"] for one in packed] == _ids(runs)
    assert [one["data"] for one in packed] == [[one["x"], one["y"]] for one in written]
    assert packed[3]["data"] == [[0, 1, 2, 3, 4, 5], [30, 31, 32, 33, 34, 35]]


def test_what_is_not_finite_stays_what_it_is(ask: Any, vision: Project, alice: User, log: Log) -> None:
    run = work.run(vision, "odd", by=alice)
    log(run, [{"loss": value, "_step": n} for n, value in enumerate([math.nan, math.inf, -math.inf, 1.5])])

    ((_, y),) = [one["data"] for one in unpacked(ask(run=[run.public_id]).content)]

    assert math.isnan(y[0])
    assert y[1:] == [math.inf, -math.inf, 1.5]


def test_many_runs_cost_the_queries_of_one(ask: Any, runs: list[Run]) -> None:
    def count(runs: list[Run]) -> int:
        with (
            CaptureQueriesContext(connections["default"]) as own,
            CaptureQueriesContext(connections["vault"]) as keys,
        ):
            assert ask(run=_ids(runs)).status_code == 200
        return len(own) + len(keys)

    assert count(runs) == count(runs[:1])


def test_each_run_has_its_own_cursor(ask: Any, runs: list[Run], log: Log) -> None:
    first = unpacked(ask(run=_ids(runs)).content)
    log(runs[1], [{"loss": 99.0, "_step": 6}])
    log(runs[3], [{"other": 1.0, "_step": 6}])

    asked = {"run": _ids(runs), "cursor": [one["cursor"] for one in first]}
    second = unpacked(ask(**asked).content)
    third = unpacked(ask(run=_ids(runs), cursor=[one["cursor"] for one in second]).content)

    assert [one["data"] for one in second] == [[[], []], [[6], [99.0]], [[], []], [[], []]]
    assert not any(one["is_reset"] for one in second)
    assert all(one["data"] == [[], []] for one in third)


def test_a_rewound_run_alone_begins_anew(ask: Any, runs: list[Run]) -> None:
    first = unpacked(ask(run=_ids(runs)).content)
    store.rewind(Run.objects.get(pk=runs[0].pk), last_step=2)

    second = unpacked(ask(run=_ids(runs), cursor=[one["cursor"] for one in first]).content)

    assert {one["run"]: one["is_reset"] for one in second} == {run.public_id: run == runs[0] for run in runs}


def test_whether_a_run_goes_on_is_told(ask: Any, runs: list[Run], log: Log) -> None:
    log(runs[0], [], is_complete=True, exit_code=0)

    told = {one["run"]: one["is_live"] for one in unpacked(ask(run=_ids(runs)).content)}

    assert told == {run.public_id: run != runs[0] for run in runs}


def test_means_are_of_the_same_stretches_for_all_runs(
    ask: Any, vision: Project, alice: User, log: Log
) -> None:
    """Two runs that log at other steps. From 0 to 100 in 50 stretches each is two steps wide; its middle is odd."""
    every, tenth = work.run(vision, "every", by=alice), work.run(vision, "tenth", by=alice)
    log(every, [{"loss": float(step), "_step": step} for step in range(101)])
    log(tenth, [{"loss": step * 2.0, "_step": step} for step in range(0, 101, 10)])

    one, other = unpacked(ask(run=_ids([every, tenth]), points=50, **{"as": "means"}).content)

    x, mean, low, high = one["data"]
    assert x == [stretch * 2 + 1 for stretch in range(50)]
    # Steps 0 and 1; … 96 and 97; the last stretch has its right edge too: 98, 99, 100.
    assert (mean[0], low[0], high[0]) == (0.5, 0, 1)
    assert (mean[48], low[48], high[48]) == (96.5, 96, 97)
    assert (mean[49], low[49], high[49]) == (99, 98, 100)
    assert other["data"][:2] == [[1, 11, 21, 31, 41, 51, 61, 71, 81, 91, 99], [20.0 * n for n in range(11)]]


def test_means_leave_out_what_is_not_finite(ask: Any, vision: Project, alice: User, log: Log) -> None:
    run = work.run(vision, "odd", by=alice)
    log(run, [{"loss": value, "_step": 0} for value in (1.0, math.nan, math.inf, 3.0)])

    (one,) = ask("application/json", run=[run.public_id], **{"as": "means"}).json()["series"]

    assert (one["y"], one["low"], one["high"], one["nan"]) == ([2.0], [1.0], [3.0], [])


def test_no_more_runs_than_a_panel_holds(ask: Any, vision: Project, alice: User) -> None:
    ids = _ids([work.run(vision, f"n{number}", by=alice) for number in range(MOST_DRAWN + 1)])

    assert len(unpacked(ask(run=ids).content)) == MOST_DRAWN


def test_steps_of_an_axis_that_only_some_rows_have(ask: Any, vision: Project, alice: User, log: Log) -> None:
    """Over epoch a run shows those rows that have both; a run without epochs shows none, and says so by being empty."""
    with_epochs, without = work.run(vision, "with", by=alice), work.run(vision, "without", by=alice)
    log(
        with_epochs,
        [{"loss": 1.0, "_step": 0}, {"loss": 2.0, "epoch": 7, "_step": 1}, {"epoch": 8, "_step": 2}],
    )
    log(without, [{"loss": 1.0, "_step": 0}])

    one, other = unpacked(ask(run=_ids([with_epochs, without]), x="epoch").content)

    assert one["data"] == [[7.0], [2.0]]
    assert other["data"] == [[], []]


@pytest.mark.parametrize("by", [None, "mallory"])
def test_outsiders_learn_nothing(visit: Visit, runs: list[Run], mallory: User, by: str | None) -> None:
    there, nowhere = (
        visit(url, by=by, key="loss", run=_ids(runs)) for url in (SERIES, "/lab/nothing/series")
    )

    assert (there.status_code, nowhere.status_code) == (404, 404)
    assert text_of(there) == text_of(nowhere).replace("/lab/nothing/", "/lab/vision/")
