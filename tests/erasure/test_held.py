"""What is held while runs are closed, opened again or planned to be exported: whoever would come in between has to wait."""

from __future__ import annotations

import io
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import F, QuerySet

from apps.accounts import services as people_services
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.core import clock
from apps.core.errors import Forbidden
from apps.erasure import accounts, exchange, services, taking_back
from apps.erasure import artifacts as acts
from apps.erasure.models import ErasureJob
from apps.erasure.parts import renew_key
from apps.erasure.taking_back import take_back
from apps.erasure.teams import erase_team
from apps.erasure.types import Scope
from apps.exports import services as exports
from apps.exports.holding import Held
from apps.files.models import RunFile
from apps.files.services import store_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.queries import require_same_key
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Membership
from apps.teams.services import choose, entities
from tests.erasure.conftest import files_of, finish, full_run
from tests.factories import artifacts
from tests.servers import wait_for

pytestmark = [
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time"),
    pytest.mark.django_db(transaction=True, databases=["default", "vault"]),
    pytest.mark.promise("P-09"),
]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def is_held(rows: QuerySet[Any]) -> bool:
    """Whether another transaction would have to wait for one of these rows."""
    return _has_to_wait(lambda: list(rows.select_for_update(nowait=True).values_list("pk")))


def _has_to_wait(act: Callable[[], object]) -> bool:
    refused: list[OperationalError] = []

    def ask() -> None:
        try:
            with transaction.atomic():
                act()
        except OperationalError as error:
            refused.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=ask)
    thread.start()
    thread.join()
    return bool(refused)


Asks = Callable[[Any, str, QuerySet[Any]], list[bool]]


@pytest.fixture
def held_at(monkeypatch: pytest.MonkeyPatch) -> Asks:
    """Whether these rows are held whenever that function begins."""

    def ask_at(owner: Any, name: str, rows: QuerySet[Any]) -> list[bool]:
        found: list[bool] = []
        real = getattr(owner, name)

        def asked(*args: Any, **kwargs: Any) -> Any:
            found.append(is_held(rows))
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, asked)
        return found

    return ask_at


def test_a_project_whose_run_is_opened_again_is_neither_closed_nor_taken_back_meanwhile(
    full: Run, vision: Project, by: Actor, held_at: Asks
) -> None:
    """Else the run is closed with an erasure of its project that was just taken back, and nothing opens it."""
    finish_run(full, state=RunState.FINISHED, by=by)
    found = held_at(exchange, "_closed_with", Project.everything.filter(pk=vision.pk))

    finish(renew_key(full, by=by))

    assert found == [True]


def test_who_takes_back_a_team_holds_its_projects_before_their_runs(
    full: Run, vision: Project, by: Actor, held_at: Asks
) -> None:
    job = erase_team(vision.entity, by=by)
    found = held_at(taking_back, "_bring_back_their_runs", Project.everything.filter(pk=vision.pk))

    take_back(by, public_id=job.public_id)

    assert found == [True]


def test_who_stored_something_under_a_run_holds_it_to_the_end(full: Run) -> None:
    with transaction.atomic():
        require_same_key(full)
        assert is_held(Run.objects.filter(pk=full.pk))


def test_a_run_of_which_files_are_erased_gets_no_other_key_meanwhile(
    full: Run, by: Actor, held_at: Asks
) -> None:
    """They could be taken back still, and would open no more."""
    found = held_at(services, "new_job", Run.objects.filter(pk=full.pk))

    services.erase_files(files_of(full), by=by)

    assert found == [True]


def test_a_version_is_held_while_it_is_asked_whether_something_uses_it(
    vision: Project, by: Actor, held_at: Asks
) -> None:
    """Whoever begins to read or link it waits, and is told that it is gone; or has done so, and its owner is told."""
    made = [artifacts.version(vision, f"ds{n}", {"a": b"one"}, by=by) for n in range(3)]
    found = held_at(acts, "uses_of", Version.everything.filter(pk__in=[each.pk for each in made]))

    acts.erase_unused(made[:1], by=by)
    acts.erase_versions(made[1:2], by=by, even_if_used=False)
    acts.erase_artifact(made[2].collection, by=by, even_if_used=False)

    assert found == [True, True, True]


def test_an_export_waits_for_who_erases_a_run_before_its_own_row_is_held(
    full: Run, vision: Project, by: Actor, held_at: Asks
) -> None:
    """Whoever erases a run holds that, and then asks for the exports with it: each would wait for the other."""
    found = held_at(Held, "locked", Run.objects.filter(pk=full.pk))

    exports.advance(exports.export_project(vision, by=by).pk)

    assert found[0]


def test_a_team_is_closed_while_one_of_its_runs_is_being_erased(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who erases the run holds it, and notes a job that points at the team: each would wait for the other."""
    team, real, threads = full.project.entity, services.new_job, list[Thread]()

    def close() -> None:
        try:
            erase_team(team, by=by)
        finally:
            connections.close_all()

    def closed_meanwhile(*args: Any, **kwargs: Any) -> ErasureJob:
        threads.append(Thread(target=close))
        threads[0].start()
        wait_for(_somebody_waits_for_us, "who closes the team")
        return real(*args, **kwargs)

    monkeypatch.setattr(services, "new_job", closed_meanwhile)
    try:
        services.erase_run(full, by=by)
    finally:
        threads[0].join()

    assert Entity.everything.get(pk=team.pk).erased_at is not None
    assert set(ErasureJob.objects.values_list("scope", flat=True)) == {Scope.RUNS, Scope.TEAM}


def _somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone() is not None


def test_who_takes_back_a_team_lets_others_point_at_it(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    team, real, found = full.project.entity, taking_back._bring_back_their_runs, list[bool]()
    job = erase_team(team, by=by)

    def point() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM teams_entity WHERE id = %s FOR KEY SHARE NOWAIT", [team.pk])

    def asked(*args: Any) -> None:
        found.append(_has_to_wait(point))
        real(*args)

    monkeypatch.setattr(taking_back, "_bring_back_their_runs", asked)
    take_back(by, public_id=job.public_id)

    assert found == [False]


@pytest.fixture
def two(vision: Project, alice: User) -> list[Run]:
    """Two runs, of which the one that was made first lies behind the other in its table."""
    runs = [full_run(vision, name, by=alice) for name in ("first", "second")]
    for _ in range(3):
        Run.objects.filter(pk=runs[0].pk).update(version=F("version") + 1)
    return runs


def _erase_project(run: Run, by: Actor) -> Callable[[], object]:
    return lambda: services.erase_project(run.project, by=by)


def _erase_team(run: Run, by: Actor) -> Callable[[], object]:
    return lambda: erase_team(run.project.entity, by=by)


def _take_back(run: Run, by: Actor) -> Callable[[], object]:
    job = services.erase_project(run.project, by=by)
    return lambda: take_back(by, public_id=job.public_id)


def _delete(run: Run, by: Actor) -> Callable[[], object]:
    choose(run.project.entity, SettingName.GRACE_DAYS, 1, by=by)
    job = services.erase_runs(list(Run.objects.filter(project=run.project)), by=by)
    ErasureJob.objects.update(due_at=clock.now())
    return lambda: services.advance(job.pk)


@pytest.mark.parametrize("asked", [_erase_project, _erase_team, _take_back, _delete])
def test_many_runs_are_held_one_after_the_other_in_the_order_in_which_everybody_does(
    two: list[Run], by: Actor, asked: Callable[[Run, Actor], Callable[[], object]]
) -> None:
    """Where they lie changes with each line that is written to one of them: two who go by that wait for each other."""
    first, second = two
    act, failed = asked(first, by), list[BaseException]()

    def meanwhile() -> None:
        try:
            act()
        except BaseException as error:
            failed.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=meanwhile)
    with transaction.atomic():
        list(Run.everything.select_for_update().filter(pk=first.pk))
        thread.start()
        wait_for(_somebody_waits_for_us, "who takes them both")
        is_taken = is_held(Run.everything.filter(pk=second.pk))
    thread.join()

    assert (is_taken, failed) == (False, [])


def test_files_are_held_after_their_run_by_everybody_and_nobody_waits_for_who_waits_for_them(
    full: Run, by: Actor
) -> None:
    """Files of a run are erased, one of them is stored anew, and the run is given another key, all while somebody holds that file."""
    finish_run(full, state=RunState.FINISHED, by=by)
    first, second, *_more = files_of(full)
    wrong: list[BaseException] = []
    acts: list[Callable[[], object]] = [
        lambda: services.erase_files([first], by=by),
        lambda: store_file(second, io.BytesIO(b"anew")),
        lambda: finish(renew_key(full, by=by)),
    ]

    def begun(act: Callable[[], object]) -> Thread:
        def run() -> None:
            try:
                act()
            except Exception as error:
                wrong.append(error)
            finally:
                connections.close_all()

        thread = Thread(target=run)
        thread.start()
        return thread

    with transaction.atomic():
        list(RunFile.objects.select_for_update().filter(pk__in=[first.pk, second.pk]).values_list("pk"))
        threads = []
        for act in acts:
            threads.append(begun(act))
            wait_for(lambda: _how_many_wait() == len(threads), "who waits for a file or its run")
    for thread in threads:
        thread.join()

    assert wrong == []
    assert set(ErasureJob.objects.values_list("trouble", flat=True)) == {""}
    assert not RunFile.everything.filter(pk=first.pk).exists()
    assert Run.objects.get(pk=full.pk).vault_node != full.vault_node


def _how_many_wait() -> int:
    """In this database: what is told of sessions is as old as this transaction, what is told of locks is not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT waits.pid) FROM pg_locks waits JOIN pg_locks held USING (pid) JOIN pg_database here "
            "ON here.oid = held.database WHERE NOT waits.granted AND here.datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def test_two_operators_who_go_and_who_founds_something_wait_for_each_other(
    alice: User, bob: User, held_at: Asks
) -> None:
    """Else nobody is left who operates the instance, or who looks after what was founded."""
    User.objects.filter(pk__in=[alice.pk, bob.pk]).update(is_staff=True, is_superuser=True)
    founds = held_at(entities, "_add_entity", User.objects.filter(pk=bob.pk))
    entities.create_team("bobs", admin=bob, by=Actor.person(bob))
    Membership.objects.filter(entity__name="bobs").update(user=alice)
    asks = held_at(accounts, "require_other_operator", User.objects.filter(pk=alice.pk))
    suspends = held_at(people_services, "_switch", User.objects.filter(pk=bob.pk))

    accounts.erase_account(bob, by=Actor.person(bob))
    with pytest.raises(Forbidden):
        people_services.suspend_account(alice, by=Actor.person(bob))

    assert (founds, asks, suspends) == ([True], [True], [])
