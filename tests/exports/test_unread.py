"""A store that has none of its files is away, and waited for; one file alone that cannot be read is left out, but not at once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.blobs.errors import StoreUnreachable
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.blobs.store.local import LocalStore
from apps.core import clock
from apps.exports import tasks, writing
from apps.exports.models import Export
from apps.exports.services import export_project
from apps.exports.types import UNDER_WAY, ExportState
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from tests.exports.conftest import contents, full_run, make, opened

pytestmark = pytest.mark.django_db


class Clock:
    """That stands, and goes on to the end of the pause."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.begun = clock.now()
        monkeypatch.setattr(clock, "now", lambda: self.now)

    @property
    def waited(self) -> timedelta:
        return self.now - self.begun

    def after_the_pause(self, export: Export) -> None:
        assert export.waits_until is not None
        self.now = export.waits_until + timedelta(seconds=1)


def _files(run: Run) -> list[Blob]:
    files = RunFile.objects.filter(run=run, blob__isnull=False).select_related("blob").order_by("pk")
    return [file.blob for file in files if file.blob is not None]


def _lose(blob: Blob) -> None:
    default_store().delete_all_versions(blob.object_name)


def _spoil(blob: Blob) -> None:
    """The disk answers with an error, as for a sector that is bad."""
    store = default_store()
    assert isinstance(store, LocalStore)
    place = Path(store.folder) / blob.object_name[:2] / blob.object_name
    place.unlink()
    place.mkdir()


@pytest.mark.parametrize(
    ("harm", "why", "after"),
    [
        (_lose, "damaged: its bytes are missing", 20),
        pytest.param(_spoil, "damaged: its bytes cannot be read", 25, marks=pytest.mark.embedded),
    ],
)
def test_one_file_that_cannot_be_read_is_left_out_after_an_hour_and_said_to_be(
    export: Export,
    full: Run,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Blob], None],
    why: str,
    after: int,
) -> None:
    first, second, *_others = _files(full)[1:]
    for each in (first, second):
        harm(each)
    time, tries = Clock(monkeypatch), 0

    tasks.sweep()
    while (waits := Export.objects.get()).state in UNDER_WAY:
        tries += 1
        assert (waits.trouble, waits.tries, waits.unread_tries) == ("Unread", 0, tries)
        time.after_the_pause(waits)
        tasks.sweep()

    assert tries == after and timedelta(hours=1) < time.waited < timedelta(hours=2)
    archive = opened(waits)
    assert json.loads(archive.read("manifest.json"))["not_included"] == [
        {"path": "projects/vision/runs/full/files/Model~2.pt", "why": why},
        {"path": "projects/vision/runs/full/files/out/ä/b.txt", "why": why},
    ]
    assert "projects/vision/runs/full/files/model.pt" in archive.namelist()
    assert "projects/vision/runs/full/files/Model~2.pt" not in archive.namelist()


def _cut_off(blob: Blob, patch: pytest.MonkeyPatch) -> None:
    """The store has it, and its answer breaks off."""
    store = type(default_store())
    read: Callable[..., Iterator[bytes]] = store.read_range

    def answer(self: object, name: str, *args: int) -> Iterator[bytes]:
        if name != blob.object_name:
            return read(self, name, *args)
        error = StoreUnreachable("cut off")
        error.unread = name
        raise error

    patch.setattr(store, "read_range", answer)


def test_behind_one_that_was_lost_another_that_stumbles_is_in_it(
    export: Export, full: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, stumbles, *_others = _files(full)[1:]
    _lose(lost)
    time = Clock(monkeypatch)
    for _try in range(20):
        tasks.sweep()
        time.after_the_pause(Export.objects.get())

    with monkeypatch.context() as patch:
        _cut_off(stumbles, patch)
        for tries in (21, 22):
            tasks.sweep()
            waits = Export.objects.get()
            assert (waits.state in UNDER_WAY, waits.trouble, waits.unread_tries) == (True, "Unread", tries)
            time.after_the_pause(waits)

    made = make(export)
    missing = json.loads(opened(made).read("manifest.json"))["not_included"]
    assert [each["path"] for each in missing] == ["projects/vision/runs/full/files/Model~2.pt"]
    assert made.unread_tries == 20  # the next has as many tries


def test_a_store_that_comes_back_while_it_is_asked_has_nothing_left_out(
    export: Export, full: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one file is waited for is not judged once more as all of its run."""
    Export.objects.update(unread_since=clock.now() - timedelta(hours=2), unread_tries=99)
    answers = iter([False, True])

    with monkeypatch.context() as patch:
        _cut_off(_files(full)[1], patch)
        patch.setattr(writing, "is_one_alone", lambda _error: next(answers))
        tasks.sweep()

    waits = Export.objects.get()
    assert (waits.state in UNDER_WAY, waits.trouble) == (True, "StoreUnreachable")
    Export.objects.update(waits_until=None)
    assert json.loads(opened(make(export)).read("manifest.json"))["not_included"] == []


@pytest.mark.embedded
def test_one_that_can_be_read_again_is_in_it_and_the_next_is_waited_for_as_long(
    export: Export, full: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_PIECE_BYTES", 0)
    store, time = default_store(), Clock(monkeypatch)
    assert isinstance(store, LocalStore)
    name = _files(full)[1].object_name
    place = Path(store.folder) / name[:2] / name
    aside = place.rename(place.with_suffix(".aside"))
    for _try in range(3):
        tasks.sweep()
        time.after_the_pause(Export.objects.get())
    assert Export.objects.get().unread_tries == 3
    aside.rename(place)

    made = make(export)

    assert (made.state, made.trouble, made.unread_since, made.unread_tries) == (
        ExportState.READY,
        "",
        None,
        0,
    )
    assert json.loads(opened(made).read("manifest.json"))["not_included"] == []


@pytest.mark.embedded
def test_of_a_volume_that_is_not_mounted_nothing_is_left_out_however_long_it_takes(
    vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty folder stands in its place; what is uploaded meanwhile lies there, and can be read."""
    store, by = default_store(), Actor.person(alice)
    assert isinstance(store, LocalStore)
    full_run(vision, "first", by=alice)
    export, time = export_project(vision, by=by), Clock(monkeypatch)
    aside = store.folder.rename(store.folder.with_name(secrets.token_hex(4)))
    try:
        store.folder.mkdir()
        for _try in range(30):
            tasks.sweep()
            waits = Export.objects.get()
            assert (waits.state in UNDER_WAY, waits.tries, waits.unread_tries) == (True, 0, 0)
            assert waits.trouble == "StoreUnreachable"
            time.after_the_pause(waits)
            if _try == 0:
                full_run(vision, "later", by=alice)
    finally:
        for path in sorted(store.folder.rglob("*"), reverse=True):
            if path.is_file():  # the later ones are not lost
                (aside / path.parent.name).mkdir(exist_ok=True)
                path.rename(aside / path.parent.name / path.name)
            else:
                path.rmdir()
        with suppress(FileNotFoundError):
            store.folder.rmdir()
        aside.rename(store.folder)

    made = make(export)

    assert made.state == ExportState.READY
    assert json.loads(opened(made).read("manifest.json"))["not_included"] == []
    assert b"model.ptmodel.ptmodel.pt" in contents(made).values()
