"""The root key in a file that only the server's user may read, outside the data folder and its backups."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
import stat
from pathlib import Path

from apps.vault.errors import KeyStoreError

_MARK = "ownlog-root-key-1"
_KEY_BYTES = 32
_FILE_NAME = re.compile(r"root-([1-9][0-9]{0,8})\.key")


class FileRoots:
    """One file a generation: `root-<generation>.key`, mode 0600, in a folder of mode 0700."""

    def __init__(self, folder: Path | str, *, data_folder: Path | str) -> None:
        self.folder = Path(folder).absolute()
        self.data_folder = Path(data_folder).absolute()

    def current(self) -> int | None:
        return max(self.generations(), default=None)

    def generations(self) -> list[int]:
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unreadable(self.folder, error) from error
        return sorted(int(match[1]) for name in names if (match := _FILE_NAME.fullmatch(name)))

    def get(self, generation: int) -> bytes:
        path = self._path(generation)
        try:
            with path.open("rb") as file:
                self._require_private(self.folder, self.folder.stat(), 0o700)
                self._require_private(path, os.fstat(file.fileno()), 0o600)
                text = file.read(1024)
        except FileNotFoundError as error:
            raise KeyStoreError(
                f"The root key {path} is missing. Put that file back from its safe copy, or set OWNLOG_KEY_DIR to the "
                f"folder that holds it. No new key is made: it could not open anything that is stored."
            ) from error
        except OSError as error:
            raise self._unreadable(path, error) from error
        return self._parse(text, generation)

    def rotate(self) -> int:
        generation = (self.current() or 0) + 1
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._require_private(self.folder, self.folder.stat(), 0o700)
        self._write(self._path(generation), self._text(generation, secrets.token_bytes(_KEY_BYTES)))
        return generation

    def claim(self, vault: str, place: str) -> None:
        """An epoch of one vault destroys the key that another, or a copy of it, would still need. So a folder is one vault's."""
        try:
            kept = self._claim.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            self.adopt(vault, place)
            return
        except OSError as error:
            raise self._unreadable(self._claim, error) from error
        if kept[:1] != [vault]:
            raise KeyStoreError(self._of_another())
        if kept[1:] == [place, str(self.folder)]:
            return
        if kept[2:] == [str(self.folder)]:
            raise KeyStoreError(
                f"The keys in {self.folder} were last used with the vault {kept[1]}; this one is {place}. If you moved it, run: "
                f"manage.py vault adopt. If it is a copy, give it a copy of the key folder (OWNLOG_KEY_DIR): keys are replaced "
                f"after each erasure, and one folder cannot serve two vaults."
            )
        self.adopt(vault, place)  # the keys came along

    def adopt(self, vault: str, place: str) -> None:
        draft = self.folder / f".new-{secrets.token_hex(8)}"
        draft.write_text(f"{vault}\n{place}\n{self.folder}\n", encoding="utf-8")
        draft.chmod(0o600)
        draft.replace(self._claim)
        _fsync_folder(self.folder)

    def is_claimed(self) -> bool:
        return self._claim.exists()

    def _of_another(self) -> str:
        return (
            f"The keys in {self.folder} belong to another instance, and keys are replaced after each erasure: one folder cannot "
            f"serve two. Give this instance a key folder of its own: set OWNLOG_KEY_DIR. If both used this one until now, copy it "
            f"for one of them, without the file {self._claim.name}."
        )

    def destroy(self, generation: int) -> None:
        path = self._path(generation)
        try:
            with path.open("r+b") as file:
                # On disks that overwrite in place the old bytes go at once; the documentation says where they do not.
                file.write(secrets.token_bytes(os.fstat(file.fileno()).st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        except FileNotFoundError:
            return
        _fsync_folder(self.folder)

    def where(self, generation: int) -> str:
        return str(self._path(generation))

    def warnings(self) -> list[str]:
        if not self.folder.resolve().is_relative_to(self.data_folder.resolve()):
            return []
        return [
            (
                f"The key folder {self.folder} lies inside the data folder {self.data_folder}: a backup of the data "
                f"carries the key with it, and what you erase can be read from that backup. Move it and set OWNLOG_KEY_DIR."
            )
        ]

    @property
    def _claim(self) -> Path:
        return self.folder / "vault"

    def _path(self, generation: int) -> Path:
        return self.folder / f"root-{generation}.key"

    def _write(self, path: Path, text: bytes) -> None:
        """All of the file or none of it, and never over another: the name is given by a link once the bytes are safe."""
        draft = self.folder / f".new-{secrets.token_hex(8)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink()
        _fsync_folder(self.folder)
        _fsync_folder(self.folder.parent)

    @staticmethod
    def _text(generation: int, key: bytes) -> bytes:
        body = f"{_MARK}:{generation}:{base64.urlsafe_b64encode(key).decode()}"
        return f"{body}:{_checksum(body)}\n".encode()

    def _parse(self, text: bytes, generation: int) -> bytes:
        path = self._path(generation)
        try:
            mark, number, key, checksum = text.decode("ascii").strip().split(":")
            if (mark, number) == (_MARK, str(generation)) and checksum == _checksum(f"{mark}:{number}:{key}"):
                return base64.b64decode(key, altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            pass  # told below, without quoting a byte of the file
        raise KeyStoreError(
            f"The file {path} is not a whole root key of generation {generation}. Put it back from its safe copy."
        )

    @staticmethod
    def _require_private(path: Path, facts: os.stat_result, mode: int) -> None:
        if stat.S_IMODE(facts.st_mode) & 0o077:
            kind = "root key" if stat.S_ISREG(facts.st_mode) else "key folder"
            raise KeyStoreError(
                f"The {kind} {path} can be opened by other users of this machine "
                f"(mode {stat.S_IMODE(facts.st_mode):04o}). Run: chmod {mode:o} '{path}'"
            )

    @staticmethod
    def _unreadable(path: Path, error: OSError) -> KeyStoreError:
        return KeyStoreError(
            f"{path} cannot be read ({error.strerror}). Start Ownlog as the user who owns it, or give it to that user "
            f"with chown."
        )


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:8]


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
