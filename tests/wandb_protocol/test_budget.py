"""A short document may not make the server work for minutes or answer with gigabytes."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

import pytest

from apps.accounts.models import User
from apps.core.errors import TooMuch
from apps.wandb_protocol.graphql.budget import Budget
from tests.factories import people
from tests.wandb_protocol.asking import Asker, history

_IN_RUN = 'query {{ project(name: "demo", entityName: "alice") {{ run(name: "run0") {{ {} }} }} }}'


@pytest.fixture
def asker(alice: User) -> Asker:
    return Asker(people.api_key(alice))


def runs_of_runs(levels: int) -> str:
    inside = "name"
    for _ in range(levels):
        inside = f"project {{ runs(first: 100) {{ edges {{ node {{ {inside} }} }} }} }}"
    return f'query {{ project(name: "demo", entityName: "alice") {{ runs {{ edges {{ node {{ {inside} }} }} }} }} }}'


def test_runs_of_runs_of_runs_are_cut_off(asker: Asker) -> None:
    for number in range(7):
        asker.start(f"run{number}")
    assert len(asker.data(runs_of_runs(1))["project"]["runs"]["edges"]) == 7
    assert "too much at once" in asker.error(runs_of_runs(3))


def test_one_field_under_many_names_is_refused(asker: Asker) -> None:
    asker.start("run0")
    few = " ".join(f"a{number}: config" for number in range(10))
    asker.data(_IN_RUN.format(few))
    hidden = few + " ...on Run { a10: config }"
    assert "under at most 10 names" in asker.error(_IN_RUN.format(hidden))


def test_what_many_names_of_a_history_hold_is_counted_together(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Budget.__init__, "__defaults__", (50_000, 10_000))
    asker.start("run0")
    asker.stream("alice/demo/run0", history(*({"_step": step, "x": "y" * 900} for step in range(4))))
    keyed = '{\\"keys\\": [\\"x\\"]}'
    for field in ("history", "history(minStep: 0, maxStep: 9)", f'sampledHistory(specs: ["{keyed}"])'):
        asker.data(_IN_RUN.format(f"a: {field} b: {field}"))
        many = " ".join(f"a{number}: {field}" for number in range(4))
        assert "too much for one answer" in asker.error(_IN_RUN.format(many)), field


def test_config_and_summary_of_listed_runs_are_counted(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget.__init__, "__defaults__", (50_000, 10_000))
    asker.start("run0", config='{"text": {"value": "%s"}}' % ("y" * 6_000))
    asker.data('query { project(name: "demo", entityName: "alice") { runs { edges { node { name } } } } }')
    asker.start("run1", config='{"text": {"value": "%s"}}' % ("y" * 6_000))
    listed = 'query { project(name: "demo", entityName: "alice") { runs { edges { node { name } } } } }'
    assert "too much for one answer" in asker.error(listed)


def test_the_regular_expressions_of_all_filters_of_a_request_are_counted_together(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred filters, each of which may take a while, held a thread for half a minute."""
    asker.start("run0")
    ticks = count()
    monkeypatch.setattr("apps.runs.patterns.time", SimpleNamespace(thread_time=lambda: next(ticks) / 50))

    def found(filters: int) -> str:
        one = 'a{0}: runs(filters: "{{\\"name\\": {{\\"$regex\\": \\"run|{0}\\"}}}}") {{ edges {{ node {{ name }} }} }}'
        many = " ".join(one.format(number) for number in range(filters))
        return f'query {{ project(name: "demo", entityName: "alice") {{ {many} }} }}'

    assert len(asker.data(found(1))["project"]["a0"]["edges"]) == 1
    assert "takes too long" in asker.error(found(10))


def test_a_full_page_of_the_client_is_within_the_budget() -> None:
    budget = Budget()
    budget.list_of(1_000)
    for _ in range(1_000 * 5):
        budget.stream_of(0)


def test_long_streams_cost_more() -> None:
    budget = Budget()
    for _ in range(40):
        budget.stream_of(1_000_000)
    with pytest.raises(TooMuch):
        budget.stream_of(10_000_000)
