"""What is handed in lies on a disk: one with no room, one that does not give it now, and a volume that is not mounted."""

from __future__ import annotations

import os
import resource
import secrets
import traceback
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.accounts.models import User
from apps.blobs.errors import StoreUnreachable
from apps.blobs.models import Blob
from apps.blobs.store import default_store
from apps.blobs.store.local import LocalStore
from apps.core.errors import Unavailable
from apps.imports.handed_in import advance
from apps.imports.models import Import
from apps.imports.services import UNDER_WAY
from apps.imports.types import ImportState
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.vault.models import Node
from apps.vault.types import NodeKind
from tests.exports.conftest import full as full
from tests.imports.handing import after_the_pause, handed

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def test_where_there_is_no_room_nothing_is_half_kept_and_it_is_said(
    archive: bytes, home: Entity, alice: User, settings: Settings, tmp_path: Path
) -> None:
    settings.OWNLOG_DATA = tmp_path
    blobs = Blob.objects.count()

    def is_nothing_left() -> bool:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        rows = [*Import.objects.all(), *Node.objects.filter(kind=NodeKind.IMPORT)]
        return not files and not rows and Blob.objects.count() == blobs

    child = os.fork()
    if child == 0:  # the limit is this process's, and so is what it stores: nothing of it is committed
        try:
            assert is_nothing_left()
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
            with pytest.raises(Unavailable, match="There is no room for files just now"):
                handed(os.urandom(3_000_000), home, alice)
            assert is_nothing_left()
            assert handed(archive, home, alice).state == ImportState.QUEUED
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(4)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_file_that_the_disk_does_not_give_now_is_no_archive_that_is_broken(
    archive: bytes, home: Entity, alice: User
) -> None:
    job = handed(archive, home, alice)
    assert job.archive is not None
    place = Path(default_store().folder) / job.archive.object_name[:2] / job.archive.object_name  # type: ignore[attr-defined]
    aside = place.rename(place.with_suffix(".aside"))
    place.mkdir()

    advance(job.pk)

    assert Import.objects.get().trouble == "unread"
    place.rmdir()
    aside.rename(place)
    Import.objects.update(waits_until=None)
    advance(job.pk)
    assert Import.objects.get().state == ImportState.DONE


def test_while_a_volume_is_not_mounted_nothing_that_was_handed_in_is_given_up(
    archive: bytes, full: Run, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = default_store()
    assert isinstance(store, LocalStore)
    job = handed(archive, home, alice)
    aside = store.folder.rename(store.folder.with_name(secrets.token_hex(4)))
    try:
        store.folder.mkdir()
        advance(job.pk)
        for _try in range(30):
            job.refresh_from_db()
            assert (job.state in UNDER_WAY, job.tries, job.unread_tries) == (True, 0, 0)
            assert (job.trouble, job.archive is None) == (StoreUnreachable.code, False)
            after_the_pause(job, monkeypatch)
    finally:
        store.folder.rmdir()
        aside.rename(store.folder)

    after_the_pause(job, monkeypatch)

    assert (job.state, job.runs) == (ImportState.DONE, 3)
