"""Two who ask for something of imports at one moment, in threads that meet the locks they meet in use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import connections

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.code_saving.queries import kept_in
from apps.core import background
from apps.core.errors import NotFound, TooMuch
from apps.erasure.code import erase_code, saved_code_of
from apps.imports import handed_in, services
from apps.imports.handed_in import hand_in
from apps.imports.models import Import
from apps.imports.services import ask_for_import
from apps.imports.types import Clash
from apps.projects.models import Project
from apps.runs.services import finish_run
from apps.runs.types import RunState
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.vault.models import Node
from apps.vault.types import NodeKind
from tests.exports.conftest import keep
from tests.factories import artifacts
from tests.imports.conftest import archive_of, imported, listing, run_that_keeps_code, zipped

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "vault"])


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


def _archive(number: int) -> bytes:
    """That is whole, as far as it is looked at when it is handed in."""
    head = {"format": "ownlog-export/1", "made_at": f"2026-01-01T00:00:0{number}Z"}
    return zipped(listing({"projects/vision/project.json": b"{}"}, **head))


def _together(monkeypatch: pytest.MonkeyPatch, acts: list[Callable[[], Any]]) -> list[Any]:
    """Each has been told that there is room, and has its file stored, before the first of them is noted."""
    monkeypatch.setattr(background, "enqueue", lambda *_args, **_named: None)
    together = threading.Barrier(len(acts))

    def once_all_are_there(*args: Any, **named: Any) -> Import:
        together.wait()
        return ask_for_import(*args, **named)

    monkeypatch.setattr(handed_in, "ask_for_import", once_all_are_there)

    def go(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except TooMuch as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(go, acts))


def test_the_same_handed_in_twice_at_one_moment_is_one_import(
    home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = Actor.person(alice)

    made = _together(monkeypatch, [lambda: hand_in(home, [_archive(0)], clash=Clash.SKIP, by=by)] * 3)

    job = Import.objects.get()
    assert {each.pk for each in made} == {job.pk}
    assert list(Node.objects.filter(kind=NodeKind.IMPORT).values_list("pk", flat=True)) == [job.vault_node]


def test_a_person_has_few_at_once_also_where_they_are_handed_in_at_one_moment(
    home: Entity, lab: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = Actor.person(alice)

    def handed(number: int) -> Import:
        into = home if number % 2 else lab
        return hand_in(into, [_archive(number)], clash=Clash.SKIP, by=by)

    made = _together(monkeypatch, [lambda n=n: handed(n) for n in range(5)])  # type: ignore[misc]

    assert [type(each).__name__ for each in made].count("TooMuch") == 2
    assert (Import.objects.count(), Node.objects.filter(kind=NodeKind.IMPORT).count()) == (3, 3)


def test_code_that_is_switched_off_and_erased_while_an_import_ends_does_not_come_behind_it(
    vision: Project, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = Actor.person(alice)
    run = run_that_keeps_code(vision, home, by)
    keep(run, **{"code/train.py": b"print()"})
    artifacts.version(vision, "source-vision", {"train.py": b"print()"}, by=by, run=run, type_name="code")
    finish_run(run, state=RunState.FINISHED, by=by)
    archive = archive_of(vision, alice)

    def switched_off() -> None:
        try:
            choose(home, SettingName.CODE_SAVING, False, by=by)
            with suppress(NotFound):
                erase_code(home, by=by)
        finally:
            connections.close_all()

    thread = threading.Thread(target=switched_off)

    def asked(entity: Entity) -> Any:
        kept = kept_in(entity)
        thread.start()
        thread.join(0.5)  # it is through where it does not wait for what goes on here
        return kept

    monkeypatch.setattr(services, "kept_in", asked)

    imported(archive, home, by=alice)
    thread.join()

    assert saved_code_of(home).files == 0
    assert not Version.objects.filter(collection__project__entity=home).exists()
