"""Files that come in parts: nothing is seen before all are joined, and each opens at its own place only."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from apps.blobs import parts, services
from apps.blobs.models import Blob, BlobPart, BlobState
from apps.blobs.parts import drop_parts, join_parts, store_part
from apps.blobs.services import (
    delete_blob,
    delete_with_rows,
    fill_blob,
    open_blob,
    read_blob,
    reserve_blobs,
)
from apps.blobs.store import default_store
from apps.blobs.sweeps import sweep_orphans
from apps.blobs.tally import Tally
from apps.core import clock
from apps.core.errors import Conflict, Invalid, NotFound, Unavailable
from apps.files.models import RunFile
from apps.runs.models import Run
from apps.vault.errors import KeyGone, Tampered
from apps.vault.types import NodeId
from tests.factories.vault import run_key

pytestmark = pytest.mark.django_db
PARTS = [os.urandom(200_000), os.urandom(65_536), b"the end"]
WHOLE = b"".join(PARTS)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path, empty_store: None) -> Path:
    settings.OWNLOG_DATA = tmp_path
    return tmp_path


@pytest.fixture
def owner(folder: Path) -> NodeId:
    return run_key()


@pytest.fixture
def blob(owner: NodeId) -> Blob:
    return reserve_blobs(owner, 1)[0]


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def send(blob: Blob, owner: NodeId, number: int, data: bytes | None = None, *, last: int = 3) -> None:
    data = PARTS[number - 1] if data is None else data
    store_part(blob, owner, [data], number=number, is_last=number == last, md5_b64=md5(data))


def join(blob: Blob, owner: NodeId, data: list[bytes] = PARTS, accepts: Callable[[Tally], None] = lambda _: None) -> Blob:  # fmt: skip
    join_parts(blob, owner, [md5(part) for part in data], accepts=accepts)
    return Blob.objects.get(pk=blob.pk)


def objects() -> set[str]:
    return {found.name for found in default_store().list()}


def named() -> set[str]:
    return set(BlobPart.objects.values_list("object_name", flat=True))


def test_parts_in_any_order_make_one_file(blob: Blob, owner: NodeId) -> None:
    for number in (3, 1, 2):
        send(blob, owner, number)
    with pytest.raises(NotFound):
        read_blob(Blob.objects.get(), owner)
    seen: list[str] = []

    joined = join(blob, owner, accepts=lambda whole: seen.append(whole.md5_b64))

    assert seen == [md5(WHOLE)]
    assert (joined.state, joined.plain_size, joined.part_count) == (BlobState.STORED, len(WHOLE), 3)
    assert b"".join(read_blob(joined, owner)) == WHOLE
    for start, end in [(0, 1), (199_999, 200_001), (150_000, len(WHOLE) - 1), (265_536, len(WHOLE)), (7, 7)]:
        assert b"".join(read_blob(joined, owner, start=start, end=end)) == WHOLE[start:end]
    with open_blob(joined, owner) as file:
        file.seek(-9, os.SEEK_END)
        assert file.read() == WHOLE[-9:]
    assert WHOLE[:64] not in b"".join(path.read_bytes() for path in _files())


def _files() -> list[Path]:
    from django.conf import settings

    return [path for path in (Path(settings.OWNLOG_DATA) / "blobs").rglob("*") if path.is_file()]


def test_part_sent_again_takes_the_place_of_the_one_before(blob: Blob, owner: NodeId) -> None:
    for number in (1, 2, 3, 2, 2):
        send(blob, owner, number)
    send(blob, owner, 4, b"of an upload that had more parts", last=5)

    joined = join(blob, owner)

    assert b"".join(read_blob(joined, owner)) == WHOLE
    assert objects() == named() and len(named()) == 3
    send(blob, owner, 1)
    assert objects() == named(), "what was joined stays as it is"


def test_a_part_whose_row_was_written_keeps_its_object_when_an_error_comes_after_that(
    blob: Blob, owner: NodeId, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = parts._note

    def lost(part: BlobPart) -> list[str]:
        noted(part)
        raise OperationalError  # the answer to the commit did not come

    with monkeypatch.context() as broken:
        broken.setattr(parts, "_note", lost)
        with pytest.raises(OperationalError):
            send(blob, owner, 1)

    assert objects() == named() and len(named()) == 1


def test_what_does_not_fit_is_refused_and_leaves_nothing(blob: Blob, owner: NodeId) -> None:
    with pytest.raises(Invalid, match="their MD5 is another"):
        store_part(blob, owner, [b"other"], number=1, is_last=False, md5_b64=md5(b"announced"))
    assert objects() == set()
    send(blob, owner, 1)
    with pytest.raises(Invalid, match="Part 2 of this file has not come"):
        join(blob, owner)
    send(blob, owner, 2)
    with pytest.raises(Invalid, match="Part 2 of this file is another"):
        join(blob, owner, PARTS[:2])  # it came as one that others follow
    send(blob, owner, 3)
    with pytest.raises(Invalid, match="Part 1 of this file is another"):
        join(blob, owner, [b"x", *PARTS[1:]])
    with pytest.raises(Invalid, match="at least one"):
        join(blob, owner, [])

    def refuse(whole: Tally) -> None:
        raise Invalid("not the whole")

    with pytest.raises(Invalid, match="not the whole"):
        join(blob, owner, accepts=refuse)
    assert Blob.objects.get().state == BlobState.UPLOADING


def test_part_opens_at_its_own_place_only(blob: Blob, owner: NodeId) -> None:
    same = [b"a" * 1000, b"b" * 1000, b"c" * 1000]
    for number, data in enumerate(same, 1):
        send(blob, owner, number, data)
    joined = join(blob, owner, same)
    first, second = BlobPart.objects.order_by("number")[:2]
    names = first.object_name, second.object_name
    BlobPart.objects.filter(pk=second.pk).update(object_name="x")
    BlobPart.objects.filter(pk=first.pk).update(object_name=names[1])
    BlobPart.objects.filter(pk=second.pk).update(object_name=names[0])
    with pytest.raises(Tampered):
        b"".join(read_blob(joined, owner))
    BlobPart.objects.filter(pk=second.pk).update(object_name="x")
    BlobPart.objects.filter(pk=first.pk).update(object_name=names[0])
    BlobPart.objects.filter(pk=second.pk).update(object_name=names[1])
    assert b"".join(read_blob(joined, owner)) == b"".join(same)
    BlobPart.objects.filter(number=3).delete()
    with pytest.raises(Tampered):
        read_blob(joined, owner)
    Blob.objects.update(part_count=2, plain_size=2000)
    with pytest.raises(Tampered):
        b"".join(read_blob(Blob.objects.get(), owner))  # the second was not sealed as the last


def test_only_one_joins_at_a_time(blob: Blob, owner: NodeId) -> None:
    for number in (1, 2, 3):
        send(blob, owner, number)

    def again(whole: Tally) -> None:
        with pytest.raises(Unavailable, match="just being put together"):
            join(blob, owner)

    join(blob, owner, accepts=again)

    assert parts._joining == set()


def test_part_that_comes_again_meanwhile_is_not_joined_unseen(blob: Blob, owner: NodeId) -> None:
    for number in (1, 2, 3):
        send(blob, owner, number)

    with pytest.raises(Unavailable, match="come again"):
        join(blob, owner, accepts=lambda whole: send(blob, owner, 2, b"something else"))

    assert Blob.objects.get().state == BlobState.UPLOADING
    assert objects() == named()


def test_what_ended_leaves_nothing(blob: Blob, owner: NodeId) -> None:
    for number in (1, 2):
        send(blob, owner, number)
    drop_parts(blob)
    assert objects() == named() == set()

    for number in (1, 2, 3):
        send(blob, owner, number)
    joined = join(blob, owner)
    drop_parts(joined)
    assert len(objects()) == 3, "a whole file is not forgotten"
    assert not any([sweep_orphans().objects, sweep_orphans().blobs])

    delete_blob(joined)
    assert objects() == named() == set()
    with pytest.raises(KeyGone):
        send(blob, owner, 1)
    assert objects() == set()


def test_parts_of_what_was_then_sent_whole_are_swept(blob: Blob, owner: NodeId) -> None:
    for number in (1, 2):
        send(blob, owner, number)
    parted = reserve_blobs(owner, 1)[0]
    for number in (1, 2, 3):
        send(parted, owner, number)
    join(parted, owner)
    fill_blob(blob, owner, [WHOLE], accepts=lambda _: None)
    assert BlobPart.objects.count() == 5

    assert [sweep_orphans().parts for _ in range(2)] == [2, 0]
    assert set(BlobPart.objects.values_list("blob", flat=True)) == {parted.pk}
    assert len(objects()) == 4
    assert b"".join(read_blob(Blob.objects.get(pk=blob.pk), owner)) == WHOLE
    assert b"".join(read_blob(Blob.objects.get(pk=parted.pk), owner)) == WHOLE


class _TimeIsOver(Exception):
    pass


def test_of_a_file_in_many_parts_some_go_at_a_time_and_what_is_gone_is_not_asked_for_again(
    blob: Blob, owner: NodeId, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        send(blob, owner, number)
    file = RunFile.objects.create(run=run, name_index=bytes(16), sealed_name=b"", blob=join(blob, owner))
    store, asked = type(default_store()), list[int]()
    real = store.delete_all_versions

    def noting(self: Any, *names: str) -> None:
        asked.append(len(names))
        real(self, *names)

    def is_over() -> None:
        raise _TimeIsOver

    monkeypatch.setattr(services, "_OBJECTS_AT_ONCE", 2)
    monkeypatch.setattr(store, "delete_all_versions", noting)

    with pytest.raises(_TimeIsOver):
        delete_with_rows([file], "blob", beat=is_over)
    assert (len(named()), RunFile.objects.count()) == (2, 1)
    delete_with_rows([file], "blob")

    assert asked == [2, 2, 1]  # the first of each the file's own name, under which nothing lies
    assert objects() == named() == set()
    assert (RunFile.objects.count(), Blob.objects.count()) == (0, 0)


def test_part_that_comes_while_its_blob_leaves_is_dropped(blob: Blob, owner: NodeId) -> None:
    Blob.objects.update(state=BlobState.LEAVING)

    with pytest.raises(Conflict):
        send(blob, owner, 1)

    assert objects() == named() == set()


def test_upload_that_broke_off_is_swept(blob: Blob, owner: NodeId) -> None:
    send(blob, owner, 1)
    Blob.objects.update(created_at=clock.now().replace(year=2020))

    assert sweep_orphans().blobs == 1
    assert objects() == named() == set()
