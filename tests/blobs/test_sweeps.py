from __future__ import annotations

import base64
import errno
import hashlib
import secrets
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.blobs import sweeps
from apps.blobs.models import Blob, BlobState
from apps.blobs.parts import store_part
from apps.blobs.services import fill_blob, read_blob, reserve_blobs, write_blob
from apps.blobs.store import default_store
from apps.blobs.types import Swept
from apps.core import clock
from apps.files.models import RunFile
from apps.runs.models import Run
from apps.vault.types import NodeId
from tests.factories.vault import Instance, run_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path, empty_store: None) -> Path:
    settings.OWNLOG_DATA = tmp_path
    return tmp_path


@pytest.fixture
def two_days_later(monkeypatch: pytest.MonkeyPatch) -> None:
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)


@pytest.mark.parametrize("state", [BlobState.UPLOADING, BlobState.STORED])
def test_what_is_young_is_left(state: BlobState) -> None:
    Blob.objects.filter(pk=write_blob(run_key(), [b"x"]).blob.pk).update(state=state)
    default_store().put(secrets.token_hex(16), [b"x"])

    assert sweeps.sweep_orphans() == Swept()


def test_a_deletion_that_broke_off_is_finished_at_once() -> None:
    Blob.objects.filter(pk=write_blob(run_key(), [b"x"]).blob.pk).update(state=BlobState.LEAVING)

    assert sweeps.sweep_orphans() == Swept(blobs=1)
    assert list(default_store().list()) == []


@pytest.mark.embedded
def test_one_that_cannot_be_taken_away_keeps_no_other(folder: Path) -> None:
    stuck, _other = (write_blob(run_key(), [b"x"]).blob for _ in range(2))
    Blob.objects.update(state=BlobState.LEAVING)
    (place,) = folder.rglob(stuck.object_name)
    place.unlink()
    place.mkdir()  # which no file system deletes as a file

    assert sweeps.sweep_orphans() == Swept(blobs=1)
    assert list(Blob.objects.all()) == [stuck]
    place.rmdir()
    assert sweeps.sweep_orphans() == Swept(blobs=1)


@pytest.mark.embedded
def test_as_many_as_a_sweep_takes_that_cannot_be_taken_away_keep_none_of_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "_BATCH", 1)
    stuck, _other = (write_blob(run_key(), [b"x"]).blob for _ in range(2))
    Blob.objects.update(state=BlobState.LEAVING)
    (place,) = folder.rglob(stuck.object_name)
    place.unlink()
    place.mkdir()

    swept = sum(sweeps.sweep_orphans().blobs for _ in range(40))  # each time one of them, by chance

    assert swept == 1 and list(Blob.objects.all()) == [stuck]


def test_what_is_being_erased_does_not_stand_before_what_is_not(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "_BATCH", 1)
    erased, left = (write_blob(NodeId(run.vault_node), [b"x"]).blob for _ in range(2))
    Blob.objects.update(state=BlobState.LEAVING)
    RunFile.objects.create(run=run, blob=erased, name_index=b"i" * 16, sealed_name=b"")

    assert sweeps.sweep_orphans() == Swept(blobs=1)
    assert not Blob.objects.filter(pk=left.pk).exists()


@pytest.mark.embedded
@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
def test_a_disk_that_is_away_ends_the_sweep(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        write_blob(run_key(), [b"x"])
    Blob.objects.update(state=BlobState.LEAVING)
    tried = []

    def unlink(path: Path, missing_ok: bool = False) -> None:
        tried.append(path)
        raise OSError(code, "away")

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(OSError, match="away"):
        sweeps.sweep_orphans()

    assert len(tried) == 1


@pytest.mark.usefixtures("two_days_later")
class TestTwoDaysLater:
    @pytest.mark.parametrize("state", [BlobState.UPLOADING, BlobState.STORED])
    def test_what_nobody_points_at_is_gone(self, state: BlobState) -> None:
        blob = write_blob(run_key(), [b"x"]).blob
        Blob.objects.filter(pk=blob.pk).update(state=state, created_at=clock.now() - timedelta(hours=25))

        assert sweeps.sweep_orphans() == Swept(blobs=1)
        assert not Blob.objects.exists()
        assert list(default_store().list()) == []

    def test_what_somebody_points_at_stays(self, run: Run) -> None:
        owner = NodeId(run.vault_node)
        blob = write_blob(owner, [b"x"]).blob
        Blob.objects.filter(pk=blob.pk).update(created_at=clock.now() - timedelta(days=30))
        RunFile.objects.create(run=run, blob=blob, name_index=b"i" * 16, sealed_name=b"")

        assert sweeps.sweep_orphans() == Swept()
        assert b"".join(read_blob(blob, owner)) == b"x"

    @pytest.mark.parametrize("state", [BlobState.UPLOADING, BlobState.STORED])
    def test_blobs_in_use_do_not_stand_before_those_that_are_not(
        self, state: BlobState, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweeps, "_BATCH", 1)
        used, unused = (write_blob(NodeId(run.vault_node), [b"x"]).blob for _ in range(2))
        Blob.objects.update(state=state, created_at=clock.now() - timedelta(days=30))
        RunFile.objects.create(run=run, blob=used, name_index=b"i" * 16, sealed_name=b"")

        assert sweeps.sweep_orphans() == Swept(blobs=1)
        assert not Blob.objects.filter(pk=unused.pk).exists()

    @pytest.mark.embedded
    def test_an_object_without_a_row_and_a_broken_off_upload_are_gone(self, folder: Path) -> None:
        blob = write_blob(run_key(), [b"x"]).blob
        default_store().put(secrets.token_hex(16), [b"x"])
        (folder / "blobs" / "uploads" / "left-behind").write_bytes(b"x")

        assert sweeps.sweep_orphans() == Swept(uploads=1, objects=1)
        assert [found.name for found in default_store().list()] == [blob.object_name]

    @pytest.mark.embedded
    def test_what_cannot_be_taken_away_keeps_none_of_its_kind_and_no_other_kind(self, folder: Path) -> None:
        Blob.objects.filter(pk=write_blob(run_key(), [b"x"]).blob.pk).update(state=BlobState.LEAVING)
        owner = run_key()
        (whole,) = reserve_blobs(owner, 1)
        md5 = base64.b64encode(hashlib.md5(b"x", usedforsecurity=False).digest()).decode()
        for number in (1, 2, 3):
            store_part(whole, owner, [b"x"], number=number, is_last=number == 3, md5_b64=md5)
        fill_blob(whole, owner, [b"x"], accepts=lambda _: None)
        part = folder / "blobs" / whole.parts.get(number=1).object_name
        part = part.parent / part.name[:2] / part.name
        part.unlink()
        part.mkdir()
        uploads = folder / "blobs" / "uploads"
        for name in ("a", "b", "c"):
            (uploads / name).write_bytes(b"x")
        # Folders, which no file system deletes as files: one among the uploads, one where an object lies that lay elsewhere before.
        (uploads / "stuck").mkdir()
        stray, *_others = strays = [secrets.token_hex(16) for _ in range(4)]
        for name in strays:
            default_store().put(name, [b"x"])
        place = folder / "blobs" / stray[:2] / stray
        former = place.parent / stray[2:4] / stray
        former.parent.mkdir()
        place.rename(former)
        place.mkdir()

        assert sweeps.sweep_orphans() == Swept(uploads=3, blobs=1, objects=3, parts=2)
        for stuck in (place, part, uploads / "stuck"):
            stuck.rmdir()
        assert sweeps.sweep_orphans() == Swept(objects=1, parts=1)

    def test_too_many_objects_without_a_row_are_a_reason_to_stop(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(21):
            default_store().put(secrets.token_hex(16), [b"x"])

        assert sweeps.sweep_orphans() == Swept()
        assert "21 of 21 stored objects have no row" in caplog.text


@pytest.mark.embedded
@pytest.mark.xdist_group("vault_processes")
def test_a_process_killed_in_mid_upload_leaves_nothing_that_is_served(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "instance")
    instance.migrate()
    instance.run(
        """
        from apps.blobs.services import write_blob
        from apps.vault.readiness import make_ready
        from tests.factories.vault import run_key
        make_ready()

        def pieces():
            yield os.urandom(3_000_000)
            os._exit(9)

        write_blob(run_key(), pieces())
        """,
        exits=9,
    )

    told = instance.run(
        """
        from datetime import timedelta
        from apps.blobs import sweeps
        from apps.blobs.models import Blob
        from apps.blobs.store import default_store
        from apps.core import clock
        from apps.vault.models import Grant

        def state():
            drafts = len(os.listdir(default_store().folder / "uploads"))
            return [blob.state for blob in Blob.objects.all()], Grant.objects.count(), drafts

        later = clock.now() + timedelta(days=2)
        print(state(), len(list(default_store().list())))
        clock.now = lambda: later
        sweeps.sweep_orphans()
        print(state(), len(list(default_store().list())))
        """
    )

    assert told.splitlines() == ["(['uploading'], 1, 1) 0", "([], 0, 0) 0"]
