"""A webhook is removed while others tell it of something: whoever comes second waits or goes without, and nobody fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from django.db import connection, connections, transaction

from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.core.errors import NotFound
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.webhooks.models import Delivery, Hook
from apps.webhooks.outbox import note
from apps.webhooks.services import make_hook, remove_hook, send_test
from apps.webhooks.types import Happening

pytestmark = [
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time"),
    pytest.mark.django_db(transaction=True, databases=["default", "vault"]),
]
_WAITS_FOR_US = """SELECT EXISTS (
    SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
)"""


@pytest.fixture
def hook(vision: Project, by: Actor) -> Hook:
    return make_hook(vision, "https://hooks.example/in", happenings=Happening.chosen_among(), by=by)[0]


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[list[Exception]]:
    """Within an open transaction of ours: somebody else does this, until it waits for us or is over. What they failed by."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            act()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    other = Thread(target=run)
    with transaction.atomic():
        yield failed
        other.start()
        while other.is_alive() and not _waits_for_us():
            time.sleep(0.01)
    other.join()


def _waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WAITS_FOR_US)
        return bool(cursor.fetchone()[0])


def test_who_removes_it_waits_for_who_tells_it_of_something(run: Run, hook: Hook, by: Actor) -> None:
    with meanwhile(lambda: remove_hook(hook, by=by)) as failed:
        finish_run(run, state=RunState.FINISHED, by=by)
        assert Delivery.objects.filter(hook=hook).count() == 1

    assert (failed, Hook.objects.count(), Delivery.objects.count()) == ([], 0, 0)
    assert Run.objects.get().state == RunState.FINISHED


def test_who_would_tell_one_that_is_being_removed_tells_nobody(run: Run, hook: Hook, by: Actor) -> None:
    with meanwhile(lambda: finish_run(run, state=RunState.FINISHED, by=by)) as failed:
        remove_hook(hook, by=by)

    assert (failed, Hook.objects.count(), Delivery.objects.count()) == ([], 0, 0)
    assert Run.objects.get().state == RunState.FINISHED


def test_two_tell_it_at_the_same_time(run: Run, hook: Hook, vision: Project, by: Actor) -> None:
    told: list[int] = []

    def tell() -> None:
        with transaction.atomic():
            note(Happening.RUN_FINISHED, vision, run=run.public_id)
            told.append(1)
        connections.close_all()

    with transaction.atomic():
        note(Happening.RUN_FINISHED, vision, run=run.public_id)
        other = Thread(target=tell)
        other.start()
        other.join()
        assert told == [1], "without waiting for us"

    assert Delivery.objects.filter(hook=hook).count() == 2


def test_a_test_of_one_that_is_being_removed_finds_none(hook: Hook, by: Actor) -> None:
    with meanwhile(lambda: send_test(hook)) as failed:
        remove_hook(hook, by=by)

    assert [type(each) for each in failed] == [NotFound]
    assert not Delivery.objects.exists()


def test_of_two_who_remove_it_one_is_on_the_record(hook: Hook, by: Actor) -> None:
    with meanwhile(lambda: remove_hook(hook, by=by)) as failed:
        remove_hook(hook, by=by)

    assert failed == []
    assert Event.objects.filter(kind=EventKind.WEBHOOK_REMOVED.value).count() == 1
