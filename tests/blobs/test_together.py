"""Uploads are told to be stored by few commits, and each sender is told what became of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import DatabaseError
from pytest_django import Settings

from apps.blobs import services, together
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from tests.factories.vault import run_key


class Database:
    """Notes what is changed in which transaction; the first change waits until it is let go."""

    def __init__(self) -> None:
        self.changed: list[list[int]] = []
        self.first, self.go = threading.Event(), threading.Event()
        self.broken: set[int] = set()
        self.breaks_together = False
        self.inside = False

    def get_connection(self) -> SimpleNamespace:
        return SimpleNamespace(in_atomic_block=False)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        assert not self.inside, "one commits at a time"
        self.inside = True
        self.changed.append([])
        try:
            yield
            if self.breaks_together:
                raise DatabaseError
        finally:
            self.inside = False

    def change(self, blob: Blob) -> bool:
        if not self.first.is_set():
            self.first.set()
            assert self.go.wait(30)
        if not self.inside:
            self.changed.append([])
        self.changed[-1].append(blob.pk)
        if blob.pk in self.broken:
            raise DatabaseError
        return blob.pk % 2 == 0


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    made = Database()
    monkeypatch.setattr(together, "transaction", made)
    monkeypatch.setattr(together, "_change", made.change)
    return made


def told(database: Database, count: int) -> list[Future[bool]]:
    """What becomes of so many senders, all but the first of whom come while the first commits."""
    with ThreadPoolExecutor(count) as senders:
        first = senders.submit(together.note_filled, Blob(pk=100))
        assert database.first.wait(30)
        others = [senders.submit(together.note_filled, Blob(pk=pk)) for pk in range(count - 1, 0, -1)]
        while len(together._waiting) < len(others):
            threading.Event().wait(0.001)
        database.go.set()
    assert (together._waiting, together._is_committing) == ([], False)
    return [first, *others]


def test_those_that_come_during_a_commit_share_the_next(database: Database) -> None:
    answers = told(database, 6)

    assert database.changed == [[100], [1, 2, 3, 4, 5]], "in one order in every process"
    assert [answer.result() for answer in answers] == [True, False, True, False, True, False]


def test_so_many_share_a_commit_and_no_more(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "_MOST_AT_ONCE", 3)

    told(database, 8)

    assert [len(batch) for batch in database.changed] == [1, 3, 3, 1]


def test_commit_that_fails_is_tried_again_alone(database: Database) -> None:
    database.breaks_together = True

    answers = told(database, 4)

    assert database.changed[:2] == [[100], [1, 2, 3]]
    assert sorted(database.changed[2:]) == [[1], [2], [3]]
    assert [answer.result() for answer in answers] == [True, False, True, False]


def test_what_is_wrong_with_one_is_told_to_that_one(database: Database) -> None:
    database.broken = {2}

    answers = told(database, 4)

    assert [answer.exception() is not None for answer in answers] == [False, False, True, False]


@pytest.mark.django_db
def test_object_stays_where_nobody_knows_whether_its_row_was_written(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path, empty_store: None
) -> None:
    """A connection may be lost after the commit: to drop the object then would be to lose a file that was stored."""
    settings.OWNLOG_DATA = tmp_path
    owner = run_key()
    note, blob = together.note_filled, services.reserve_blobs(owner, 1)[0]

    def lost(filled: Blob) -> bool:
        note(filled)
        raise DatabaseError

    monkeypatch.setattr(services, "note_filled", lost)
    with pytest.raises(DatabaseError):
        services.fill_blob(blob, owner, [b"kept"], accepts=lambda came: None)
    monkeypatch.setattr(services, "note_filled", note)
    services.fill_blob(blob, owner, [b"kept"], accepts=lambda came: None)

    stored = Blob.objects.get(pk=blob.pk)
    assert b"".join(services.read_blob(stored, owner)) == b"kept"
    assert [found.name for found in default_store().list()] == [stored.object_name]
