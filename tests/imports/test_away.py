"""What an import needs and cannot have just now: it waits, and nothing is given up for it."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from django.db import OperationalError, connection

from apps.accounts.models import User
from apps.blobs.errors import StoreDenied, StoreFull, StoreUnreachable
from apps.blobs.store import default_store
from apps.core import background, clock
from apps.core.errors import OwnlogError
from apps.imports import handed_in, services, tasks
from apps.imports.handed_in import advance, due_imports
from apps.imports.models import Import
from apps.imports.queries import words_of
from apps.imports.readers.opening import open_file
from apps.imports.services import UNDER_WAY
from apps.imports.types import ImportState
from apps.runs.models import Run
from apps.teams.models import Entity
from tests.exports.conftest import full as full
from tests.imports.conftest import files_of, listing, zipped
from tests.imports.handing import after_the_pause, at, handed
from tests.imports.test_broken import CRAFTED
from tests.servers import present

pytestmark = pytest.mark.django_db


AWAY: dict[str, tuple[str, Exception]] = {
    "full": ("put", StoreFull("no room")),
    "denied": ("put", StoreDenied("no right")),
    "a disk that fails": ("put", OSError("a disk")),
    "unreachable before anything is read": ("read_range", StoreUnreachable("no answer")),
    "the database": ("put", OperationalError("no answer")),
}


@pytest.mark.parametrize("what", AWAY)
def test_what_is_not_there_now_is_waited_for_however_long_and_nothing_is_given_up(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    job, now, pauses = handed(archive, home, alice), [clock.now()], []
    name, error = AWAY[what]

    def away(*_args: Any, **_named: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(clock, "now", lambda: now[0])
    with monkeypatch.context() as patch:
        patch.setattr(type(default_store()), name, away)
        for _try in range(10):
            tasks.sweep()
            waits = Import.objects.get()
            assert (waits.state in UNDER_WAY, waits.tries, waits.trouble) == (True, 0, _code(error))
            assert waits.waits_until is not None and not list(due_imports())
            pauses.append((waits.waits_until - now[0]).total_seconds())
            now[0] = waits.waits_until + timedelta(seconds=1)
    assert pauses == [30, 62, 126, 254, 510, 900, 900, 900, 900, 900]

    tasks.sweep()

    job.refresh_from_db()
    assert (job.state, job.runs, job.trouble) == (ImportState.DONE, 3, "")


def test_behind_a_pause_nobody_was_in_the_way_and_what_is_wrong_ends_it_at_once(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    crafted = zipped(listing(CRAFTED["a run of a state that is none"](files_of(archive))))
    job = handed(crafted, home, alice)

    def away(*_args: Any, **_named: Any) -> NoReturn:
        raise StoreUnreachable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(default_store()), "read_range", away)
        advance(job.pk)
    advance(job.pk)  # it waits still
    assert Import.objects.get().state in UNDER_WAY

    after_the_pause(job, monkeypatch)

    assert job.state == ImportState.GIVEN_UP


@pytest.mark.skipif(present() is None, reason="the database that is embedded has no connection to lose")
@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_a_connection_that_is_lost_is_no_try_either(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "enqueue", lambda *_args, **_named: None)
    job, lost = handed(archive, home, alice), []

    def is_lost(*_args: Any, **_named: Any) -> None:
        lost.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    for name in ("put", "read_range"):
        with monkeypatch.context() as patch:
            patch.setattr(type(default_store()), name, is_lost)
            Import.objects.update(waits_until=None)
            tasks.sweep()
        waits = Import.objects.get()
        assert (waits.state in UNDER_WAY, waits.tries, waits.trouble) == (True, 0, "unavailable")
        assert waits.busy_until is None and waits.waits_until is not None
    assert len(lost) == 2

    Import.objects.update(waits_until=None)
    advance(job.pk)
    assert Import.objects.get().state == ImportState.DONE


@pytest.mark.parametrize("what", ["a claim", "a pause", "a turn"])
def test_what_was_noted_before_the_clock_was_set_back_keeps_nobody_waiting(
    archive: bytes, home: Entity, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def away(*_args: Any, **_named: Any) -> NoReturn:
        raise StoreUnreachable("no answer")

    job, now, a_year = handed(archive, home, alice), clock.now(), timedelta(days=365)
    other = handed(archive, Entity.objects.get(user=bob), bob)
    with monkeypatch.context() as patch:
        patch.setattr(handed_in, "_TURN_SECONDS", 0.0)
        at("bring_run", lambda: patch.setattr(clock, "now", lambda: now + a_year), patch)
        if what != "a turn":
            patch.setattr(clock, "now", lambda: now + a_year)
        if what == "a pause":
            patch.setattr(type(default_store()), "put", away)
        if what == "a claim":
            services.claim(job)
        else:
            advance(job.pk)
    job.refresh_from_db()
    assert max(job.busy_until or now, job.waits_until or now, job.turn_at) > now + a_year - timedelta(days=1)

    assert list(due_imports()) == [job.pk, other.pk]
    advance(job.pk)
    assert Import.objects.get(pk=job.pk).state == ImportState.DONE


@pytest.mark.parametrize("is_open", [False, True])
def test_an_archive_that_alone_cannot_be_read_is_given_up_after_an_hour(
    archive: bytes, full: Run, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    """Before it is open, and while it is read."""
    large = zipped(listing({"more.bin": os.urandom(500_000), **files_of(archive)}))
    job = handed(large, home, alice)
    assert job.archive is not None
    name, begun, tries = job.archive.object_name, clock.now(), 0

    def opened(*args: Any) -> Any:
        reader = open_file(*args)
        default_store().delete_all_versions(name)
        return reader

    if is_open:
        monkeypatch.setattr(handed_in, "open_file", opened)
    else:
        default_store().delete_all_versions(name)

    advance(job.pk)
    job.refresh_from_db()
    while job.state in UNDER_WAY:
        tries += 1
        assert (job.trouble, job.tries, job.unread_tries) == ("unread", 0, tries)
        after_the_pause(job, monkeypatch)

    assert (str(job.state), tries) == ("given_up", 20)
    assert Import.objects.get().archive is None
    assert timedelta(hours=1) < clock.now() - begun < timedelta(hours=2)
    assert "cannot be read any more" in words_of(job)


def _code(error: Exception) -> str:
    return error.code if isinstance(error, OwnlogError) else "unavailable"
