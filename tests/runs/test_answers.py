"""A question that is asked again is not looked for again, until a run came, went or changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.models import Project
from apps.runs import table
from apps.runs.answers import Moment, Question
from apps.runs.fields import Listed
from apps.runs.models import Run
from apps.runs.services import create_run, update_run
from apps.runs.table import Tables, ids_of_runs
from apps.runs.types import RunPatch

pytestmark = pytest.mark.django_db

FAST = '{"config.lr": {"$gt": 0.5}}'


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    tables = Tables()
    monkeypatch.setattr(table, "_tables", tables)
    yield tables
    tables.forget_idle(idle_seconds=-1)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """One entry for each time that the runs are gone through."""
    found: list[Question] = []
    real = Moment.answer

    def answer(self: Moment, question: Question, look: Callable[[], Sequence[Listed]]) -> Sequence[Listed]:
        def noted() -> Sequence[Listed]:
            found.append(question)
            return look()

        return real(self, question, noted)

    monkeypatch.setattr(Moment, "answer", answer)
    return found


def run_with(project: Project, alice: User, name: str, lr: float) -> Run:
    patch = RunPatch(config_text=f'{{"lr": {{"value": {lr}}}}}')
    return create_run(project, name=name, by=Actor.person(alice), patch=patch).run


def test_a_question_is_looked_for_once(vision: Project, alice: User, looks: list[Question]) -> None:
    fast = run_with(vision, alice, "fast", 0.9)
    run_with(vision, alice, "slow", 0.1)

    found = [ids_of_runs(vision, filters=FAST, order=["config.lr"]) for _ in range(3)]

    assert found == [[fast.public_id]] * 3
    assert len(looks) == 1


def test_a_changed_run_is_looked_at_again(vision: Project, alice: User) -> None:
    run = run_with(vision, alice, "one", 0.9)
    before = ids_of_runs(vision, filters=FAST)

    update_run(run, RunPatch(config_text='{"lr": {"value": 0.1}}'), by=Actor.person(alice))

    assert (before, ids_of_runs(vision, filters=FAST)) == ([run.public_id], [])


def test_a_run_that_went_is_in_no_answer(vision: Project, alice: User) -> None:
    first, second = (run_with(vision, alice, name, 0.9) for name in ("one", "two"))
    before = ids_of_runs(vision, filters=FAST)

    Run.objects.filter(pk=first.pk).delete()

    assert (before, ids_of_runs(vision, filters=FAST)) == (
        [first.public_id, second.public_id],
        [second.public_id],
    )


def test_another_filter_or_order_is_another_question(vision: Project, alice: User) -> None:
    a, b = (run_with(vision, alice, name, lr).public_id for name, lr in (("a", 0.7), ("b", 0.9)))

    asked = [
        ids_of_runs(vision, filters=FAST, order=["config.lr"]),
        ids_of_runs(vision, filters=FAST, order=["-config.lr"]),
        ids_of_runs(vision, filters='{"config.lr": {"$gt": 0.8}}', order=["config.lr"]),
        ids_of_runs(vision, filters=None, order=["-config.lr"]),
    ]

    assert asked == [[a, b], [b, a], [b], [b, a]]


def test_few_answers_are_kept_and_none_of_a_long_question(
    vision: Project, alice: User, fresh: Tables
) -> None:
    run_with(vision, alice, "one", 0.9)
    long_filter = json.dumps({"config.lr": {"$in": [0.25] * 1000}})

    for number in range(20):
        ids_of_runs(vision, filters=f'{{"config.lr": {number}}}')
    ids_of_runs(vision, filters=long_filter)

    kept = fresh._tables[vision.public_id].moment._answers
    assert [filters for filters, _ in kept] == [f'{{"config.lr": {number}}}' for number in range(16, 20)]
