from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from apps.blobs.errors import ObjectMissing, StoreDenied, StoreUnreachable
from apps.blobs.store import local
from apps.blobs.store.local import LocalStore
from apps.core import clock


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "var" / "blobs")


def new_name() -> str:
    return secrets.token_hex(16)


def files_in(store: LocalStore) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file()]


def test_an_object_is_read_back_whole_and_in_parts(store: LocalStore) -> None:
    name, content = new_name(), os.urandom(3_000_000)

    assert store.put(name, [content[:1], b"", content[1:]]) == len(content)

    assert b"".join(store.read_range(name, 0, len(content))) == content
    assert b"".join(store.read_range(name, 100, 2_500_000)) == content[100:2_500_000]
    assert b"".join(store.read_range(name, 2_999_999, 9_000_000)) == content[-1:]
    assert b"".join(store.read_range(name, 5, 5)) == b""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked")
def test_a_large_object_is_on_its_way_to_the_disk_while_it_comes(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ask = list[tuple[int, int]](), os.posix_fadvise

    def noted(handle: int, start: int, length: int, what: int) -> None:
        assert os.fstat(handle).st_size == start + length  # it is written, and the end has not come
        asked.append((start, length))
        ask(handle, start, length, what)

    monkeypatch.setattr(local, "_WRITTEN_BACK_BYTES", 100_000)
    monkeypatch.setattr(os, "posix_fadvise", noted)

    store.put(new_name(), [bytes(60_000)] * 5)

    assert asked == [(0, 120_000), (120_000, 120_000)]


@pytest.mark.parametrize(("code", "kind"), [(errno.EACCES, StoreDenied), (errno.EIO, StoreUnreachable)])
def test_what_the_disk_does_not_give_is_told_by_its_reason(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    def refused(*_args: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(store, "_open", refused)

    with pytest.raises(StoreUnreachable, match=errno.errorcode[code]) as raised:
        b"".join(store.read_range(new_name(), 0, 1))
    assert type(raised.value) is kind


def test_list_tells_every_whole_object(store: LocalStore) -> None:
    assert list(store.list()) == []
    names = {new_name(): size for size in (0, 1, 70_000)}
    for name, size in names.items():
        store.put(name, [bytes(size)])

    assert {found.name: found.size for found in store.list()} == names
    assert all(abs(found.stored_at - clock.now()) < timedelta(minutes=1) for found in store.list())


def test_only_the_servers_user_may_look(store: LocalStore) -> None:
    name = new_name()
    store.put(name, [b"x"])

    path = store.folder / name[:2] / name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (store.folder, path.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_missing_object_is_an_error(store: LocalStore) -> None:
    with pytest.raises(ObjectMissing):
        list(store.read_range(new_name(), 0, 1))


@pytest.mark.parametrize("name", ["", "../" * 10 + "a", "A" * 32, "a" * 31, "a" * 32 + "\n", "a/" * 16])
def test_only_names_of_objects_are_taken(store: LocalStore, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an object"):
        store.put(name, [b"x"])


def test_delete_takes_the_bytes_away_and_can_be_repeated(store: LocalStore) -> None:
    name = new_name()
    store.put(name, [b"x"])

    store.delete_all_versions(name)
    store.delete_all_versions(name)

    assert files_in(store) == []


def test_objects_of_two_levels_are_found_as_before(store: LocalStore) -> None:
    name = new_name()
    former = store.folder / name[:2] / name[2:4] / name
    former.parent.mkdir(parents=True)
    former.write_bytes(b"old")
    other = name[:2] + new_name()[2:]
    store.put(other, [b"x"])

    assert {found.name: found.size for found in store.list()} == {name: 3, other: 1}
    assert b"".join(store.read_range(name, 0, 3)) == b"old"
    store.delete_all_versions(name)
    assert [path.name for path in files_in(store)] == [other]


def test_put_waits_for_bytes_and_name_on_the_disk(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    name = new_name()
    store.put(name[:2] + new_name()[2:], [b"x"])
    safe: list[tuple[str, bool]] = []

    def fsync(handle: int) -> None:
        safe.append((os.readlink(f"/proc/self/fd/{handle}"), (store.folder / name[:2] / name).exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    store.put(name, [b"x"])

    folder = store.folder / name[:2]
    assert safe == [(str(folder / name), True), (str(folder), True)]


def test_what_the_disk_does_not_keep_is_not_there(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(handle: int) -> None:
        raise OSError(errno.EIO, "no")

    store.check()
    name = new_name()
    store.put(name[:2] + new_name()[2:], [b"x"])
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="no"):
        store.put(name, [b"x"])

    assert name not in {path.name for path in files_in(store)}


def test_a_broken_off_put_leaves_nothing(store: LocalStore) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"some"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.put(new_name(), breaking())

    assert files_in(store) == []
    assert list(store.list()) == []


def test_an_upload_under_way_is_not_listed_and_is_aborted_when_old(store: LocalStore) -> None:
    seen: list[int] = []

    def slow() -> Iterator[bytes]:
        yield b"some"
        seen.append(len(list(store.list())))
        seen.append(store.abort_uploads(before=clock.now() - timedelta(hours=1)))
        yield b" more"

    name = new_name()
    store.put(name, slow())
    assert seen == [0, 0]
    (store.folder / "uploads" / "left-behind").write_bytes(b"x")

    assert store.abort_uploads(before=clock.now() + timedelta(seconds=5)) == 1
    assert [path.name for path in files_in(store)] == [name]


def test_what_goes_while_its_folder_is_read_is_left_out(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload that ends has another name from then on."""
    going, staying = new_name(), new_name()
    for name in (going, staying):
        store.put(name, [b"x"])
    drafts = [store.folder / "uploads" / name for name in ("ended", "left-behind")]
    for draft in drafts:
        draft.write_bytes(b"x")
    real = local._entries

    def read(folder: Path) -> list[os.DirEntry[str]]:
        found = real(folder)
        for path in (drafts[0], store.folder / going[:2] / going):
            if path.parent == folder:
                path.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(local, "_entries", read)

    assert [found.name for found in store.list()] == [staying]
    assert store.abort_uploads(before=clock.now() + timedelta(seconds=5)) == 1


def test_whatever_remains_of_an_object_is_told_until_it_is_deleted(store: LocalStore) -> None:
    name, other = new_name(), new_name()
    assert not store.remains(name)
    former = store.folder / name[:2] / name[2:4] / name
    drafts = store.folder / "uploads"
    for path in (former, drafts / f"{name}-0a1b2c3d", drafts / f"{other}-0a1b2c3d"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        assert store.remains(name), path
        if path is former:
            store.delete_all_versions(name)
            assert not store.remains(name)

    store.delete_all_versions(name)

    assert not store.remains(name)
    assert store.remains(other)
