"""A worker that was taken for dead may have been slow, and not dead: what it does then changes nothing of an export that is another's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, NoReturn

import pytest

from apps.blobs.store import default_store
from apps.core import background, clock
from apps.core.errors import NotFound
from apps.exports import holding, services
from apps.exports.models import Export, ExportItem
from apps.exports.services import advance
from apps.exports.types import ExportState
from apps.runs.errors import BackSoon
from tests.exports.conftest import make, opened

pytestmark = pytest.mark.django_db


class Broken(Exception):
    pass


Meanwhile = Callable[[], None]


def _goes_on(patch: pytest.MonkeyPatch, meanwhile: Meanwhile) -> None:
    """It says its word, and takes in what it wrote."""
    real: Callable[..., Any] = vars(services)["write_blob"]

    def slowly(*args: Any) -> Any:
        meanwhile()
        return real(*args)

    patch.setattr(holding, "_WORD_SECONDS", -1)
    patch.setattr(services, "write_blob", slowly)


def _takes_in(patch: pytest.MonkeyPatch, meanwhile: Meanwhile) -> None:
    real: Callable[..., Any] = vars(services)["write_blob"]

    def slowly(*args: Any) -> Any:
        stored = real(*args)
        meanwhile()
        return stored

    patch.setattr(services, "write_blob", slowly)


def _ends_its_turn(patch: pytest.MonkeyPatch, meanwhile: Meanwhile) -> None:
    real: Callable[..., Any] = vars(services)["_step"]

    def then_slow(*args: Any) -> None:
        real(*args)
        meanwhile()

    patch.setattr(services, "_TURN_SECONDS", -1.0)
    patch.setattr(services, "_step", then_slow)


def _breaks_off(error: Exception) -> Callable[[pytest.MonkeyPatch, Meanwhile], None]:
    def breaks_off(patch: pytest.MonkeyPatch, meanwhile: Meanwhile) -> None:
        def broken(*_args: Any) -> NoReturn:
            meanwhile()
            raise error

        patch.setattr(services, "write_blob", broken)

    return breaks_off


def _is_refused(patch: pytest.MonkeyPatch, meanwhile: Meanwhile) -> None:
    """By what it read before, say."""

    def refused(*_args: Any) -> NoReturn:
        meanwhile()
        raise NotFound("an export")

    patch.setattr(services, "require_all", refused)


SLOW: dict[str, Callable[[pytest.MonkeyPatch, Meanwhile], None]] = {
    "goes on": _goes_on,
    "takes in what it wrote": _takes_in,
    "ends its turn": _ends_its_turn,
    "breaks off": _breaks_off(Broken()),
    "waits for a run": _breaks_off(BackSoon()),
    "is refused": _is_refused,
}


def of_row(export: Export) -> dict[str, Any]:
    return Export.objects.filter(pk=export.pk).values().get() | {"pieces": export.pieces.count()}


def begun(export: Export) -> None:
    """Planned, and let go of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "_TURN_SECONDS", -1.0)
        advance(export.pk)


@pytest.mark.parametrize("is_ready", [False, True], ids=["another is at it", "another made it ready"])
@pytest.mark.parametrize("what", SLOW)
def test_a_slow_worker_changes_nothing_of_what_is_anothers(
    export: Export, monkeypatch: pytest.MonkeyPatch, what: str, is_ready: bool
) -> None:
    begun(export)
    told: list[str] = []
    left: list[dict[str, Any]] = []
    stored: set[str] = set()

    def meanwhile() -> None:
        monkeypatch.undo()
        Export.objects.filter(pk=export.pk).update(busy_until=clock.now() - timedelta(seconds=1))
        if is_ready:
            make(export)
        else:
            assert holding.claim(export.pk) is not None
        left.append(of_row(export))
        stored.update(found.name for found in default_store().list())
        monkeypatch.setattr(background, "enqueue", lambda name, **_named: told.append(name))
        monkeypatch.setattr(holding, "_WORD_SECONDS", -1)
        monkeypatch.setattr(services, "_TURN_SECONDS", -1.0)

    SLOW[what](monkeypatch, meanwhile)

    with suppress(Broken):
        advance(export.pk)

    assert left == [of_row(export)]
    assert "exports.tell" not in told
    assert {found.name for found in default_store().list()} <= stored
    monkeypatch.undo()
    Export.objects.filter(pk=export.pk).exclude(state=ExportState.READY).update(busy_until=None)
    assert len(opened(make(export)).namelist()) > 5


@pytest.mark.parametrize("is_begun", [False, True], ids=["another plans it too", "another has begun it"])
def test_who_planned_it_first_begins_it(
    export: Export, monkeypatch: pytest.MonkeyPatch, is_begun: bool
) -> None:
    """To plan very much takes longer than one is silent: if all were too late, it would never begin."""
    others: list[holding.Held | None] = []
    real: Callable[[Export], None] = vars(services)["expand"]

    def slowly(planned: Export) -> None:
        row = Export.objects.filter(pk=export.pk)
        row.update(busy_until=clock.now() - timedelta(seconds=1))
        others.append(holding.claim(export.pk))
        if is_begun:
            row.update(state=ExportState.RUNNING, started_at=clock.now())
        real(planned)

    monkeypatch.setattr(services, "expand", slowly)
    monkeypatch.setattr(services, "_TURN_SECONDS", -1.0)

    advance(export.pk)

    assert ExportItem.objects.filter(export=export).count() == (1 if is_begun else 3)
    assert Export.objects.filter(pk=export.pk, state=ExportState.RUNNING).exists() is not is_begun
    (other,) = others
    assert other is not None
    with pytest.raises(holding.Lost):
        other.locked()
