"""Archives that are handed in by somebody, for tests of what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.imports import bringing
from apps.imports.handed_in import advance, hand_in
from apps.imports.models import Import
from apps.imports.types import Clash
from apps.teams.models import Entity
from tests.exports.conftest import full as full


def pieces(archive: bytes) -> Iterator[bytes]:
    for start in range(0, len(archive), 1000):
        yield archive[start : start + 1000]


def handed(archive: bytes, into: Entity, by: User) -> Import:
    return hand_in(into, pieces(archive), clash=Clash.RENAME, by=Actor.person(by))


def after_the_pause(job: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    job.refresh_from_db()
    assert job.waits_until is not None
    now = job.waits_until + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: now)
    advance(job.pk)
    job.refresh_from_db()


def at(name: str, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody does this while a worker is at an import, behind the first call of that."""
    real: Callable[..., Any] = getattr(bringing, name)

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        act()
        return made

    monkeypatch.setattr(bringing, name, meanwhile)


class Died(BaseException):
    pass


def mortal(real: Callable[..., Any], nth: int) -> Callable[..., Any]:
    left = [nth]

    def mortal(*args: Any, **kwargs: Any) -> Any:
        made = real(*args, **kwargs)
        left[0] -= 1
        if left[0] < 0:
            raise Died
        return made

    return mortal
