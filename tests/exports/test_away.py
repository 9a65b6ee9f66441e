"""A store or a database that cannot be had now fails no export, however long: it waits, and goes on once it is there again."""

from __future__ import annotations

import errno
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from django.db import OperationalError, connection

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.blobs.errors import StoreDenied, StoreUnreachable
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.core import background, clock
from apps.exports import holding, services, tasks
from apps.exports.models import Export
from apps.exports.services import due_exports, export_project
from apps.exports.types import UNDER_WAY, ExportState
from apps.projects.models import Project
from apps.runs.models import Run
from tests.exports.conftest import make
from tests.servers import present

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "error",
    [
        StoreUnreachable("no answer"),
        StoreDenied("no right"),
        OperationalError("no answer"),
        OSError(errno.EIO, "of the disk"),
    ],
)
def test_what_is_not_there_now_is_waited_for_however_long_and_no_export_fails(
    export: Export, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    now, pauses = [clock.now()], []

    def away(*_args: Any, **_named: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(clock, "now", lambda: now[0])
    with monkeypatch.context() as patch:
        patch.setattr(type(default_store()), "put", away)
        for _try in range(10):
            tasks.sweep()
            waits = Export.objects.get()
            assert (waits.state in UNDER_WAY, waits.tries) == (True, 0)
            assert waits.trouble == type(error).__name__
            assert waits.busy_until is None and waits.waits_until is not None and not list(due_exports())
            pauses.append((waits.waits_until - now[0]).total_seconds())
            now[0] = waits.waits_until + timedelta(seconds=1)
    assert pauses == [30, 62, 126, 254, 510, 900, 900, 900, 900, 900]

    made = make(export)

    assert (made.state, made.trouble) == (ExportState.READY, "")


def test_a_piece_of_which_the_database_takes_no_row_is_not_left_in_the_store(
    export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, objects = Blob.objects.count(), {found.name for found in default_store().list()}

    def full(*_args: Any, **_named: Any) -> NoReturn:
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(services, "_take_in", full)
        for _try in range(2):
            Export.objects.update(waits_until=None)
            tasks.sweep()
            assert Export.objects.get().trouble == "OperationalError"
            assert Blob.objects.count() == rows
            assert {found.name for found in default_store().list()} == objects

    Export.objects.update(waits_until=None)
    assert make(export).state == ExportState.READY


@pytest.mark.skipif(present() is None, reason="the database that is embedded has no connection to lose")
@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_a_connection_that_is_lost_is_no_try_either(
    full: Run, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "enqueue", lambda *_args, **_named: None)
    export, lost = export_project(vision, by=Actor.person(alice)), []

    def is_lost(*_args: Any, **_named: Any) -> None:
        lost.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patch:
        patch.setattr(type(default_store()), "put", is_lost)
        for _try in range(2):
            Export.objects.update(waits_until=None)
            tasks.sweep()
            waits = Export.objects.get()
            assert (waits.state in UNDER_WAY, waits.tries, waits.trouble) == (True, 0, "OperationalError")
            assert waits.busy_until is None and waits.waits_until is not None
            assert waits.waits_until - waits.turn_at < holding.LEASE
    assert len(lost) == 2

    Export.objects.update(waits_until=None)
    assert make(export).state == ExportState.READY


@pytest.mark.parametrize("what", ["a claim", "a pause", "a turn"])
def test_what_was_noted_before_the_clock_was_set_back_keeps_nobody_waiting(
    export: Export, vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def away(*_args: Any, **_named: Any) -> NoReturn:
        raise StoreUnreachable("no answer")

    now, a_year = clock.now(), timedelta(days=365)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: now + a_year)
        if what == "a pause":
            patch.setattr(type(default_store()), "put", away)
            tasks.sweep()
        elif what == "a claim":
            assert holding.claim(export.pk) is not None
        else:
            patch.setattr(services, "_TURN_SECONDS", 0.0)
            services.advance(export.pk)
    export.refresh_from_db()
    assert max(
        export.busy_until or now, export.waits_until or now, export.turn_at
    ) > now + a_year - timedelta(days=1)

    other = export_project(vision, by=Actor.person(alice))

    assert list(due_exports()) == [export.pk, other.pk]
    assert make(export).state == ExportState.READY
