from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import TooMuch
from apps.projects.models import Project
from apps.runs import table
from apps.runs.models import Run
from apps.runs.services import update_run
from apps.runs.table import Tables, select_runs
from apps.runs.types import RunPatch
from apps.vault.damage import leaving_out_damaged
from apps.vault.tree import discard_node
from tests.factories import people, work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tables]:
    tables = Tables()
    monkeypatch.setattr(table, "_tables", tables)
    yield tables
    if tables._sweeper is not None:
        tables._sweeper.cancel()


@pytest.fixture
def three(vision: Project, alice: User) -> list[Run]:
    return [
        work.run(
            vision,
            f"r{n}",
            by=alice,
            config_text=json.dumps({"lr": {"value": n}, "_wandb": {"value": {"secret": 1}}}),
            summary_text='{"loss":%s}' % (10 - n),
            tags=[f"t{n}"],
        )
        for n in range(3)
    ]


def names(project: Project, **asked: Any) -> list[str]:
    return [opened.head.name for opened in select_runs(project, **({"limit": 50} | asked)).runs]


def test_filter_order_and_page(vision: Project, three: list[Run]) -> None:
    assert names(vision) == ["r0", "r1", "r2"]
    assert names(vision, order="+summary_metrics.loss") == ["r2", "r1", "r0"]
    assert names(vision, filters='{"config.lr":{"$gte":1}}', order="-config.lr.value") == ["r2", "r1"]
    assert names(vision, order="-created_at", offset=1, limit=1) == ["r1"]
    assert select_runs(vision, filters='{"tags":"t1"}', limit=0).total == 1
    assert names(vision, filters='{"config._wandb.secret":{"$exists":true}}') == []
    assert names(vision, filters='{"username":"alice"}', limit=2) == ["r0", "r1"]


def test_other_projects_are_not_in_it(vision: Project, three: list[Run], alice: User) -> None:
    other = work.project("lab", "other", by=alice)
    work.run(other, "elsewhere", by=alice)

    assert names(other) == ["elsewhere"]
    assert names(vision) == ["r0", "r1", "r2"]


def test_what_changed_is_read_again_and_what_is_gone_is_gone(
    vision: Project, three: list[Run], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names(vision) == ["r0", "r1", "r2"]
    opened: list[int] = []
    read = table._read

    def reading(ids: Sequence[int]) -> Any:
        opened.extend(ids)
        return read(ids)

    monkeypatch.setattr(table, "_read", reading)

    update_run(three[1], RunPatch(summary_text='{"loss":100}'), by=Actor.person(alice))
    three[0].delete()

    assert names(vision, order="-summary_metrics.loss") == ["r1", "r2"]
    assert opened == [three[1].pk]


def test_a_run_whose_key_is_erased_is_not_shown_even_when_the_table_knew_it(
    vision: Project, three: list[Run]
) -> None:
    assert len(names(vision)) == 3

    discard_node(three[1].vault_node)  # type: ignore[arg-type]

    assert names(vision) == ["r0", "r2"]


def test_a_warm_use_asks_four_questions_whatever_the_number_of_runs(
    vision: Project, three: list[Run]
) -> None:
    names(vision)
    more = {}

    for who in ("alice", "vera"):
        asker = people.actor(User.objects.get(username=who))
        with (
            CaptureQueriesContext(connections["default"]) as main,
            CaptureQueriesContext(connections["vault"]) as vault,
        ):
            names(vision, filters='{"config.lr":{"$gte":1}}', seen_by=asker)
        more[who] = (len(main), len(vault))

    # What changed, what its authors are called, and the page; one more for whoever looks at others' runs: does one of those people hide?
    assert more == {"alice": (3, 1), "vera": (4, 1)}


def test_while_nothing_changed_the_versions_are_not_read(
    vision: Project, three: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    names(vision)
    with monkeypatch.context() as patched:
        patched.setattr(table._Table, "_read_again", None)
        assert names(vision, order="-created_at") == ["r2", "r1", "r0"]

    # As another process would do it: in the database alone.
    Run.objects.filter(pk=three[0].pk).delete()
    assert names(vision) == ["r1", "r2"]


def test_what_cannot_be_opened_is_told_at_each_use(vision: Project, three: list[Run]) -> None:
    Run.objects.filter(pk=three[1].pk).update(sealed_head=three[0].sealed_head)

    for _ in range(2):
        with leaving_out_damaged() as damaged:
            assert names(vision) == ["r0", "r2"]
        assert len(damaged) == 1


def test_a_page_asks_for_no_project_again(vision: Project, three: list[Run]) -> None:
    (run, *_) = select_runs(vision, limit=3).runs

    assert run.run.project is vision


def test_what_opens_to_much_is_not_kept_whole(vision: Project, alice: User, fresh: Tables) -> None:
    """Ten kilobytes on the wire may open to ten megabytes, and to a hundred as objects."""
    large = json.dumps({"lr": {"value": 0.5}, "grid": {"value": [0] * 1_000_000}})
    run = work.run(vision, "large", by=alice, config_text=large, summary_text=large)

    assert names(vision, filters='{"config.lr":0.5,"summary_metrics.lr.value":0.5}') == ["large"]
    (kept,) = fresh.moment_of(vision).runs
    assert (kept.config, kept.summary) == ({"lr": 0.5, "grid": {}}, {"lr": {"value": 0.5}, "grid": {}})
    assert select_runs(vision, limit=1).runs[0].config_text == large
    assert run.sealed_config is not None
    assert len(run.sealed_config) < 10_000


def test_a_page_that_opens_to_much_is_refused(
    vision: Project, three: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MOST_BYTES_IN_PAGE", 100)

    assert len(select_runs(vision, limit=1).runs) == 1
    with pytest.raises(TooMuch):
        select_runs(vision, limit=3)


def test_a_table_that_opens_to_much_is_refused_and_not_kept(
    vision: Project, three: list[Run], fresh: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MOST_BYTES_IN_TABLE", 300)
    with pytest.raises(TooMuch):
        names(vision)
    assert [kept.size for kept in fresh._tables.values()] == [0]

    monkeypatch.setattr(table, "MOST_BYTES_IN_TABLE", 3_000)
    assert names(vision) == ["r0", "r1", "r2"]


def test_idle_tables_are_forgotten(vision: Project, three: list[Run], fresh: Tables) -> None:
    names(vision)
    assert len(fresh) == 1

    fresh.forget_idle()
    assert len(fresh) == 1
    fresh.forget_idle(idle_seconds=0)

    assert len(fresh) == 0
    assert names(vision) == ["r0", "r1", "r2"]


def test_the_whole_is_bounded(
    vision: Project, three: list[Run], alice: User, fresh: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = work.project("lab", "other", by=alice)
    work.run(other, "elsewhere", by=alice, config_text='{"a":{"value":1}}')
    monkeypatch.setattr(table, "MOST_BYTES", 500)

    names(vision)
    names(other)

    assert list(fresh._tables) == [other.public_id]
    assert names(vision) == ["r0", "r1", "r2"]
