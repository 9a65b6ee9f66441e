from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core.errors import Invalid
from apps.projects.models import Project
from apps.runs import table
from apps.runs.groups import RunGroup, Spread, spread
from apps.runs.models import Run
from apps.runs.table import Tables, ids_of_runs, present_version, select_groups
from apps.runs.types import Head
from tests.factories import work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    tables = Tables()
    monkeypatch.setattr(table, "_tables", tables)
    yield
    tables.forget_idle(idle_seconds=-1)
    if tables._sweeper is not None:
        tables._sweeper.cancel()


# lr, tags and loss of each run, the oldest first.
_RUNS: list[tuple[Any, list[str], float]] = [
    (1, ["a", "b"], 5.0),
    (1.0, ["b", "a"], 1.0),
    (True, [], 2.0),
    ("1", [], 4.0),
    (None, [], 3.0),
]


@pytest.fixture
def five(vision: Project, alice: User) -> list[Run]:
    return [
        work.run(
            vision,
            f"r{number}",
            by=alice,
            config_text=json.dumps({"lr": {"value": lr}} if lr is not None else {}),
            summary_text=json.dumps({"loss": loss}),
            tags=tags,
        )
        for number, (lr, tags, loss) in enumerate(_RUNS)
    ]


def _grouped(project: Project, **asked: Any) -> list[RunGroup]:
    return select_groups(project, **asked)[0]


def _heads(group: RunGroup) -> list[Head]:
    return [run.head for run in group.runs]


def _names(groups: list[RunGroup]) -> list[list[str]]:
    return [[head.name for head in _heads(group)] for group in groups]


def test_runs_with_the_same_value_stand_together(vision: Project, five: list[Run]) -> None:
    assert _names(_grouped(vision, by=["config.lr"])) == [["r0", "r1"], ["r2"], ["r3"], ["r4"]]
    assert _names(_grouped(vision, by=["tags"])) == [["r0", "r1"], ["r2", "r3", "r4"]]
    assert _names(_grouped(vision, by=["tags", "config.lr"])) == [["r0", "r1"], ["r2"], ["r3"], ["r4"]]


def test_groups_stand_by_their_mean_and_runs_within_by_their_own(vision: Project, five: list[Run]) -> None:
    downwards = _grouped(vision, by=["config.lr"], order=["-summary_metrics.loss"])
    upwards = _grouped(vision, by=["config.lr"], order=["+summary_metrics.loss"])

    assert _names(downwards) == [["r3"], ["r0", "r1"], ["r4"], ["r2"]]  # 4, (5 + 1) / 2, 3, 2
    assert _names(upwards) == [["r2"], ["r1", "r0"], ["r4"], ["r3"]]


def test_a_group_goes_by_its_oldest_run_whatever_is_filtered(vision: Project, five: list[Run]) -> None:
    every = _grouped(vision, by=["config.lr"])
    some = _grouped(vision, by=["config.lr"], filters='{"summary_metrics.loss": {"$lt": 3}}')

    assert [(group.id, group.rank) for group in every] == [
        (five[0].public_id, 1),
        (five[2].public_id, 2),
        (five[3].public_id, 3),
        (five[4].public_id, 4),
    ]
    assert [(group.id, group.rank) for group in some] == [(five[0].public_id, 1), (five[2].public_id, 2)]
    assert _names(some) == [["r1"], ["r2"]]


def test_a_key_that_no_run_can_have_groups_nothing(vision: Project, five: list[Run]) -> None:
    with pytest.raises(Invalid):
        _grouped(vision, by=["nothing"])


def test_what_the_numbers_of_a_group_come_to(vision: Project, five: list[Run]) -> None:
    [first, *_] = _grouped(vision, by=["config.lr"])

    assert spread(first.runs, lambda run: run.summary["loss"]) == Spread(3.0, 1.0, 5.0)
    assert spread(first.runs, lambda _: float("nan")) is None
    assert spread(first.runs, lambda _: 10**400) is None
    assert spread(first.runs, lambda _: True) is None


def test_the_ids_of_all_that_pass(vision: Project, five: list[Run]) -> None:
    found = ids_of_runs(vision, filters='{"tags": "a"}', order=["-created_at"])

    assert found == [five[1].public_id, five[0].public_id]


def test_the_version_tells_that_a_run_came_went_or_changed(vision: Project, alice: User) -> None:
    seen = [present_version(vision)]
    run = work.run(vision, "a", by=alice)
    seen.append(present_version(vision))
    Run.objects.filter(pk=run.pk).update(version=2)
    seen.append(present_version(vision))
    work.run(vision, "b", by=alice)
    Run.objects.filter(pk=run.pk).delete()
    seen.append(present_version(vision))

    assert len(set(seen)) == 4
    assert present_version(vision) == seen[-1]
