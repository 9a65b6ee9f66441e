from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.vault.errors import KeyStoreError
from apps.vault.roots.file import FileRoots


@pytest.fixture
def roots(tmp_path: Path) -> FileRoots:
    return FileRoots(tmp_path / "keys", data_folder=tmp_path / "var")


def test_first_key_is_made_for_its_owner_only(roots: FileRoots) -> None:
    assert roots.current() is None

    assert roots.rotate() == 1

    path = roots.folder / "root-1.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(roots.folder.stat().st_mode) == 0o700
    assert os.listdir(roots.folder) == ["root-1.key"]
    assert len(roots.get(1)) == 32
    assert roots.warnings() == []


def test_each_generation_has_a_key_of_its_own_until_it_is_destroyed(roots: FileRoots) -> None:
    first, second = roots.rotate(), roots.rotate()
    assert roots.get(first) != roots.get(second)

    roots.destroy(first)
    roots.destroy(first)

    assert roots.current() == second
    assert os.listdir(roots.folder) == ["root-2.key"]
    with pytest.raises(KeyStoreError):
        roots.get(first)


def test_destroying_overwrites_what_another_link_still_holds(roots: FileRoots, tmp_path: Path) -> None:
    roots.rotate()
    key = roots.get(1)
    (tmp_path / "kept").hardlink_to(roots.folder / "root-1.key")

    roots.destroy(1)

    assert FileRoots._text(1, key) != (tmp_path / "kept").read_bytes()


def test_a_key_is_never_written_over_another(roots: FileRoots, monkeypatch: pytest.MonkeyPatch) -> None:
    roots.rotate()
    key = roots.get(1)
    monkeypatch.setattr(FileRoots, "current", lambda _: None)

    with pytest.raises(FileExistsError):
        roots.rotate()

    assert roots.get(1) == key
    assert os.listdir(roots.folder) == ["root-1.key"]


def test_the_key_is_safe_on_disk_before_it_has_its_name(
    roots: FileRoots, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_link, real_fsync = os.link, os.fsync

    def fsync(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        real_fsync(handle)

    def link(*names: Path) -> None:
        done.append("name")
        real_link(*names)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    roots.rotate()

    assert done[:3] == ["file", "name", "folder"]


def _loosen_file(roots: FileRoots) -> None:
    (roots.folder / "root-1.key").chmod(0o644)


def _loosen_folder(roots: FileRoots) -> None:
    roots.folder.chmod(0o755)


def _remove(roots: FileRoots) -> None:
    (roots.folder / "root-1.key").unlink()


def _cut(roots: FileRoots) -> None:
    path = roots.folder / "root-1.key"
    path.write_bytes(path.read_bytes()[:-20])


def _change(roots: FileRoots) -> None:
    path = roots.folder / "root-1.key"
    text = bytearray(path.read_bytes())
    text[25] ^= 1
    path.write_bytes(text)


def _fill_with_noise(roots: FileRoots) -> None:
    (roots.folder / "root-1.key").write_bytes(bytes(range(256)))


def _replace_by_folder(roots: FileRoots) -> None:
    _remove(roots)
    (roots.folder / "root-1.key").mkdir()


MISSING = (
    "The root key {path} is missing. Put that file back from its safe copy, or set OWNLOG_KEY_DIR to the folder that holds "
    "it. No new key is made: it could not open anything that is stored."
)
NOT_WHOLE = "The file {path} is not a whole root key of generation 1. Put it back from its safe copy."
CANNOT_READ = (
    "{path} cannot be read ({why}). Start Ownlog as the user who owns it, or give it to that user with chown."
)


@pytest.mark.promise("P-31")
@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (
            _loosen_file,
            "The root key {path} can be opened by other users of this machine (mode 0644). Run: chmod 600 '{path}'",
        ),
        (
            _loosen_folder,
            "The key folder {folder} can be opened by other users of this machine (mode 0755). Run: chmod 700 '{folder}'",
        ),
        (_remove, MISSING),
        (_cut, NOT_WHOLE),
        (_change, NOT_WHOLE),
        (_fill_with_noise, NOT_WHOLE),
        (_replace_by_folder, CANNOT_READ.replace("{why}", "Is a directory")),
    ],
    ids=["loose-file", "loose-folder", "missing", "cut", "changed", "noise", "a-folder"],
)
def test_what_is_wrong_with_the_key_file_is_said(
    roots: FileRoots, harm: Callable[[FileRoots], None], message: str
) -> None:
    roots.rotate()
    harm(roots)

    with pytest.raises(KeyStoreError) as raised:
        roots.get(1)

    assert raised.value.message == message.format(path=roots.folder / "root-1.key", folder=roots.folder)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_an_unreadable_key_is_said(roots: FileRoots, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    # The suite may run as root, who can read everything, so the refusal is put in place of the system's.
    roots.rotate()
    path = roots.folder / "root-1.key" if what == "file" else roots.folder

    def refuse(self: Path, *args: object, **kwargs: object) -> object:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open" if what == "file" else "iterdir", refuse)
    with pytest.raises(KeyStoreError) as raised:
        roots.get(1) if what == "file" else roots.current()

    assert raised.value.message == CANNOT_READ.format(path=path, why="Permission denied")


def test_no_message_quotes_the_key(roots: FileRoots) -> None:
    roots.rotate()
    text = (roots.folder / "root-1.key").read_text()
    _cut(roots)

    with pytest.raises(KeyStoreError) as raised:
        roots.get(1)

    assert text.split(":")[2][:8] not in raised.value.message


def test_a_key_folder_inside_the_data_folder_is_warned_of(tmp_path: Path) -> None:
    inside = FileRoots(tmp_path / "var" / "keys", data_folder=tmp_path / "var")

    assert inside.warnings() == [
        f"The key folder {tmp_path}/var/keys lies inside the data folder {tmp_path}/var: a backup of the data carries the key with it, and what you erase can be read from that backup. Move it and set OWNLOG_KEY_DIR."
    ]


def test_a_link_into_the_data_folder_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "var" / "hidden").mkdir(parents=True)
    (tmp_path / "keys").symlink_to(tmp_path / "var" / "hidden")

    assert len(FileRoots(tmp_path / "keys", data_folder=tmp_path / "var").warnings()) == 1
