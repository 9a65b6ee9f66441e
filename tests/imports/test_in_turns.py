"""Imports that wait for one another: each has its turn."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import Q

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.imports import handed_in
from apps.imports.handed_in import advance, due_imports, hand_in
from apps.imports.holding import TurnOver
from apps.imports.models import Import, ImportItem
from apps.imports.types import Clash, ImportState, Origin
from apps.teams.models import Entity
from tests.exports.conftest import full as full
from tests.imports.handing import handed

pytestmark = pytest.mark.django_db
NEPTUNE = Path(__file__).parent / "data/neptune.zip"


def test_others_have_their_turn(
    archive: bytes, home: Entity, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handed_in, "_TURN_SECONDS", 0.0)
    first = handed(archive, home, alice)
    second = handed(archive, Entity.objects.get(user=bob), bob)

    for _turn in range(200):
        for each in (first, second):
            advance(each.pk)
        if not Import.objects.exclude(state=ImportState.DONE).exists():
            break

    assert [each.runs for each in Import.objects.order_by("pk")] == [3, 3]


def test_others_have_their_turn_in_the_middle_of_one_long_run(
    archive: bytes, home: Entity, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is long comes to its end all the same, and never by being given up."""
    monkeypatch.setattr(handed_in, "_LONG_SECONDS", 0.0)
    long = hand_in(
        home, [NEPTUNE.read_bytes()], clash=Clash.SKIP, by=Actor.person(alice), origin=Origin.NEPTUNE
    )
    other = handed(archive, Entity.objects.get(user=bob), bob)

    advance(long.pk)

    long.refresh_from_db()
    assert (long.state, long.tries, next(due_imports())) == (ImportState.RUNNING, 0, other.pk)
    assert not ImportItem.objects.filter(is_done=True).exists()
    for _turn in range(500):
        if (following := next(due_imports(), None)) is None:
            break
        advance(following)
        assert not Import.objects.filter(Q(tries__gt=1) | Q(state=ImportState.GIVEN_UP)).exists()
    assert [each.runs for each in Import.objects.order_by("pk")] == [3, 3]


@pytest.mark.parametrize(
    ("worked", "days", "turn"), [(0, 10, 120), (600, 0, 300), (600, 10, 300), (1_000_000, 0, 4 * 3600)]
)
def test_how_long_it_may_be_at_one_thing_is_told_by_work_and_not_by_waiting(
    archive: bytes,
    home: Entity,
    alice: User,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
    worked: int,
    days: int,
    turn: int,
) -> None:
    job = handed(archive, home, alice)
    handed(archive, Entity.objects.get(user=bob), bob)
    Import.objects.update(worked_seconds=worked, asked_at=clock.now() - timedelta(days=days))
    job.refresh_from_db()
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    at = handed_in._Turn(job)

    now[0] += turn - 1
    at.within()
    now[0] += 2
    with pytest.raises(TurnOver):
        at.within()
    at.note_worked()

    job.refresh_from_db()
    assert job.worked_seconds == pytest.approx(worked + turn + 1)
