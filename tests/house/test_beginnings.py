"""What is put back at the beginning of a test is what the services stored, and never where that could come out differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.conf import settings as used
from django.db import connections, transaction
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.queries import open_project
from apps.runs.models import Run
from apps.runs.queries import find_run
from apps.runs.services import update_run
from apps.runs.table import heads_in
from apps.runs.types import RunPatch
from apps.vault.models import Node
from tests.factories import beginnings, people, work
from tests.factories.beginnings import Beginning

pytestmark = pytest.mark.django_db
WAY = ["root", "alice", "lab", "vision", "run"]


class Walked:
    """One test's way from an empty database to a run, as the fixtures of conftest.py go it."""

    def __init__(
        self,
        *fixtures: str,
        patched: pytest.MonkeyPatch | None = None,
        mark: pytest.MarkDecorator = pytest.mark.django_db,
    ) -> None:
        node = SimpleNamespace(get_closest_marker=lambda _: mark.mark)
        request = SimpleNamespace(fixturenames=fixtures, getfixturevalue=lambda _: patched, node=node)
        self.beginning = Beginning(cast("pytest.FixtureRequest", request))
        self.asked: list[str] = []  # the steps that services were needed for

    def go(self, *, before_run: Callable[[], object] = lambda: None) -> Run:
        with self.beginning.watched():
            self.beginning.root(self._asked("root", people.make_root))
            alice = self._step("alice", lambda: people.person("alice"))
            self._step("lab", lambda: people.team("lab", admin=alice))
            vision = self._step("vision", lambda: work.project("lab", "vision", by=alice))
            before_run()
            run: Run = self._step("run", lambda: work.run(vision, "run1", by=alice))
            return run

    def _step(self, name: str, make: Callable[[], Any]) -> Any:
        return self.beginning.step(name, self._asked(name, make))

    def _asked(self, name: str, make: Callable[[], Any]) -> Callable[[], Any]:
        def noted() -> Any:
            self.asked.append(name)
            return make()

        return noted


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    """What the other tests begin with is theirs."""
    kept, Beginning._first = Beginning._first, None
    yield
    Beginning._first = kept


@contextmanager
def a_test() -> Iterator[None]:
    """Rolled back at its end, and with no key in its vault."""
    with ExitStack() as stack:
        for alias in connections:
            whole = transaction.atomic(using=alias)
            whole._from_testcase = True  # type: ignore[attr-defined]  # the outermost, as far as the services are concerned
            stack.enter_context(whole)
        Node.objects.all().delete()
        yield
        for alias in connections:
            transaction.set_rollback(True, using=alias)


def stored() -> dict[str, object]:
    return {alias: beginnings._everything(alias) for alias in connections}


def test_what_is_put_back_is_what_was_stored() -> None:
    with a_test():
        first = Walked()
        first.go()
        whole = stored()
    with a_test():
        second = Walked()
        run = second.go()

        assert (first.asked, second.asked) == (WAY, [])
        assert stored() == whole
        found = find_run(run.project, "run1")  # by its name, through every key above it
        assert found == run
        assert open_project(run.project).name == "vision"


def test_what_a_test_did_with_it_is_not_seen_by_the_next() -> None:
    with a_test():
        run = Walked().go()
        run.project.name_index = b"changed in memory"
        Run.objects.all().delete()
    with a_test():
        again = Walked().go()

        assert again.project.name_index != b"changed in memory"
        assert Run.objects.get() == again


def test_what_is_remembered_of_the_runs_of_one_test_is_not_told_in_the_next() -> None:
    for name in ("of the first", "of the second"):
        with a_test():
            run = Walked().go()
            update_run(run, RunPatch(display_name=name), by=Actor.person(User.objects.get(username="alice")))

            assert [each.display_name for each in heads_in(run.project)] == [name]


def test_a_row_of_the_tests_own_is_asked_of_the_services_from_there_on() -> None:
    for _ in range(2):
        with a_test():
            walked = Walked()
            walked.go(before_run=lambda: people.person("somebody"))
            assert "run" in walked.asked
    assert walked.asked == ["run"]


def test_a_setting_of_the_tests_own_is_asked_of_the_services(settings: Settings) -> None:
    with a_test():
        Walked().go()
    settings.TIME_ZONE = "Asia/Tokyo"
    with a_test():
        walked = Walked()
        walked.go()

    assert walked.asked == WAY


def test_what_is_patched_is_asked_of_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_test():
        Walked().go()
    monkeypatch.setattr(people, "PASSWORD", "another horse")
    with a_test():
        walked = Walked("monkeypatch", patched=monkeypatch)
        walked.go()

    assert walked.asked == WAY


@pytest.mark.parametrize(
    "committing",
    [lambda: Walked("transactional_db"), lambda: Walked(mark=pytest.mark.django_db(transaction=True))],
    ids=["fixture", "mark"],
)
def test_what_is_committed_is_asked_of_the_services(committing: Callable[[], Walked]) -> None:
    with a_test():
        Walked().go()
    with a_test():
        walked = committing()
        walked.go()

    assert walked.asked == WAY


def test_nobody_of_a_minute_ago_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_test():
        Walked().go()
    monkeypatch.setattr(beginnings, "FRESH_SECONDS", 0)
    with a_test():
        walked = Walked()
        walked.go()

    assert walked.asked == WAY


def test_other_root_keys_are_another_vaults() -> None:
    with a_test():
        Walked().go()
    mark = Path(used.OWNLOG_KEY_DIR, "vault")
    kept = mark.read_text()
    mark.write_text("of another vault\n")
    with a_test():
        walked = Walked()
        walked.go()
        assert (walked.asked, mark.read_text()) == ([], kept)

    extra = mark.with_name("root-99.key")
    extra.touch()
    try:
        assert not beginnings._fits(cast("Any", Beginning._first).keys)
    finally:
        extra.unlink()
