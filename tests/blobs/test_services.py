from __future__ import annotations

import base64
import hashlib
import io
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import Settings

from apps.blobs.errors import ObjectMissing, StoreFull
from apps.blobs.models import Blob, BlobState
from apps.blobs.sealed_file import FRAME_BYTES, sealed_size
from apps.blobs.services import delete_blob, open_blob, read_blob, write_blob
from apps.blobs.store import default_store
from apps.core.errors import Conflict, NotFound, TooMuch
from apps.files.models import RunFile
from apps.runs.models import Run
from apps.vault.errors import KeyGone, Tampered
from apps.vault.models import Grant
from apps.vault.tree import discard_node
from apps.vault.types import NodeId
from tests.factories.vault import run_key

pytestmark = pytest.mark.django_db


in_folder = (
    pytest.mark.embedded
)  # looks at the folder's files; tests/blobs/test_store_s3.py does so with a bucket


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path, empty_store: None) -> Path:
    settings.OWNLOG_DATA = tmp_path
    return tmp_path


@pytest.fixture
def owner(folder: Path) -> NodeId:
    return run_key()


def path_of(blob: Blob, folder: Path) -> Path:
    name = blob.object_name
    return folder / "blobs" / name[:2] / name


def nothing_is_left(folder: Path) -> bool:
    files = [path for path in (folder / "blobs").rglob("*") if path.is_file()]
    return (
        not files
        and not list(default_store().list())
        and not Blob.objects.exists()
        and not Grant.objects.exists()
    )


@pytest.mark.parametrize("size", [0, 5, FRAME_BYTES, 3_000_000])
def test_what_is_written_is_read_with_its_digests(owner: NodeId, size: int) -> None:
    content = os.urandom(size)

    stored = write_blob(owner, io.BytesIO(content))

    assert b"".join(read_blob(stored.blob, owner)) == content
    assert stored.size == stored.blob.plain_size == size
    assert stored.md5_b64 == base64.b64encode(hashlib.md5(content).digest()).decode()
    assert stored.sha256_hex == hashlib.sha256(content).hexdigest()
    assert (
        [found.size for found in default_store().list()] == [stored.blob.stored_size] == [sealed_size(size)]
    )
    row = Blob.objects.get()
    assert (row.state, row.plain_size, row.stored_size) == (BlobState.STORED, size, sealed_size(size))


def test_digests_are_those_of_the_whole_in_whatever_pieces_it_comes(owner: NodeId) -> None:
    content = os.urandom(9_000_001)  # more than is hashed on the way
    pieces = [content[at : at + 299_999] for at in range(0, len(content), 299_999)]

    stored = write_blob(owner, pieces)

    assert b"".join(read_blob(stored.blob, owner)) == content
    assert stored.md5_b64 == base64.b64encode(hashlib.md5(content).digest()).decode()
    assert stored.sha256_hex == hashlib.sha256(content).hexdigest()


def test_parts_and_seeking(owner: NodeId) -> None:
    content = os.urandom(300_000)
    blob = write_blob(owner, [content[:7], content[7:]]).blob

    assert b"".join(read_blob(blob, owner, start=100, end=200_000)) == content[100:200_000]
    with open_blob(blob, owner) as file:
        file.seek(-10, os.SEEK_END)
        assert file.read() == content[-10:]


@in_folder
def test_the_store_sees_no_content(owner: NodeId, folder: Path) -> None:
    blob = write_blob(owner, [b"canary" * 1000]).blob

    assert b"canary" not in path_of(blob, folder).read_bytes()
    assert "canary" not in repr(write_blob(owner, [b"canary"]))


def test_another_owner_cannot_read(owner: NodeId) -> None:
    blob = write_blob(owner, [b"x"]).blob

    with pytest.raises(KeyGone):
        read_blob(blob, run_key())


def test_an_erased_owner_ends_its_blobs(owner: NodeId) -> None:
    blob = write_blob(owner, [b"x"]).blob
    discard_node(owner)

    with pytest.raises(KeyGone):
        read_blob(blob, owner)


def test_too_large_is_refused_while_it_comes(owner: NodeId, folder: Path) -> None:
    taken: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield bytes(100_000)

    with pytest.raises(TooMuch, match="may not be larger than 250000 bytes"):
        write_blob(owner, endless(), max_bytes=250_000)

    assert len(taken) == 3
    assert nothing_is_left(folder)
    assert write_blob(owner, [bytes(250_000)], max_bytes=250_000).size == 250_000


def test_a_source_that_breaks_off_leaves_nothing(owner: NodeId, folder: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield os.urandom(2_000_000)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        write_blob(owner, breaking())

    assert nothing_is_left(folder)


@in_folder
def test_a_full_disk_leaves_nothing_and_asks_to_try_again(owner: NodeId, folder: Path) -> None:
    child = os.fork()
    if child == 0:  # the limit holds for this process only; its databases are copies in memory
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
            try:
                write_blob(owner, [os.urandom(3_000_000)])
            except StoreFull:
                os._exit(0 if nothing_is_left(folder) and write_blob(owner, [b"small"]).size == 5 else 2)
            os._exit(3)
        finally:
            os._exit(4)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("state", [BlobState.UPLOADING, BlobState.LEAVING])
def test_only_stored_blobs_are_served(owner: NodeId, state: BlobState) -> None:
    blob = write_blob(owner, [b"x"]).blob
    blob.state = state

    with pytest.raises(NotFound):
        read_blob(blob, owner)


@in_folder
def test_a_changed_or_short_file_is_an_error_that_names_it(owner: NodeId, folder: Path) -> None:
    blob = write_blob(owner, [os.urandom(5 * FRAME_BYTES)]).blob
    path = path_of(blob, folder)
    whole = path.read_bytes()

    for harmed in (whole[:-1], whole[: -(FRAME_BYTES + 16)], whole[:200_000] + b"\0" + whole[200_001:], b""):
        path.write_bytes(harmed)
        with pytest.raises(Tampered) as raised:
            b"".join(read_blob(blob, owner))
        assert raised.value.row == blob.vault_node


@in_folder
def test_a_file_of_another_blob_does_not_open(owner: NodeId, folder: Path) -> None:
    one, two = write_blob(owner, [b"one"]).blob, write_blob(owner, [b"two"]).blob
    path_of(one, folder).write_bytes(path_of(two, folder).read_bytes())

    with pytest.raises(Tampered):
        read_blob(one, owner)


@in_folder
def test_a_missing_file_is_told_before_the_first_byte(owner: NodeId, folder: Path) -> None:
    blob = write_blob(owner, [b"x"]).blob
    path_of(blob, folder).unlink()

    with pytest.raises(ObjectMissing):
        read_blob(blob, owner)


def test_delete_leaves_nothing_and_can_be_repeated(owner: NodeId, folder: Path) -> None:
    blob = write_blob(owner, [b"x"]).blob

    delete_blob(blob)
    delete_blob(blob)

    assert nothing_is_left(folder)
    with pytest.raises((KeyGone, ObjectMissing)):
        read_blob(blob, owner)


def test_a_blob_in_use_is_not_deleted(run: Run) -> None:
    owner = NodeId(run.vault_node)
    blob = write_blob(owner, [b"x"]).blob
    RunFile.objects.create(run=run, blob=blob, name_index=b"i" * 16, sealed_name=b"")

    with pytest.raises(Conflict):
        delete_blob(blob)

    assert b"".join(read_blob(blob, owner)) == b"x"


def test_blobs_are_written_and_deleted_outside_transactions(owner: NodeId, folder: Path) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        write_blob(owner, [b"x"])
    assert not Blob.objects.exists()

    blob = write_blob(owner, [b"x"]).blob
    with transaction.atomic(), pytest.raises(RuntimeError):
        delete_blob(blob)
    assert b"".join(read_blob(blob, owner)) == b"x"
