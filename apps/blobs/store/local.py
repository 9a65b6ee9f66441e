"""Objects as files in 256 folders. `put` returns when bytes and name are safe on the disk.

Before it returns a row names nothing here, so what a crash leaves is read by nobody and swept.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from apps.blobs.errors import ObjectMissing, StoreDenied, StoreUnreachable, is_away
from apps.blobs.types import StoredObject

log = logging.getLogger(__name__)

_UPLOADS = "uploads"
_NAME = re.compile(r"[0-9a-f]{32}")
# Sixteen frames of a sealed file, so that who opens them need not put pieces together.
_PIECE_BYTES = 16 * (64 * 1024 + 16)
_WRITTEN_BACK_BYTES = 32 * 1024 * 1024


class LocalStore:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self) -> None:
        self._folder(self.folder)

    def put(self, name: str, pieces: Iterable[bytes]) -> int:
        target = self._path(name)
        uploads = self._folder(self.folder / _UPLOADS)
        draft = uploads / f"{name}-{secrets.token_hex(4)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb", buffering=0) as file:
            try:
                size = _write(file, pieces)
                self._folder(target.parent)
                # The name first, then both are made safe together: two waits for the disk would be two of its commits.
                draft.rename(target)
                os.fsync(handle)
                _fsync_folder(target.parent)
            except BaseException:
                draft.unlink(missing_ok=True)
                target.unlink(missing_ok=True)
                raise
        return size

    def read_range(self, name: str, start: int, end: int) -> Iterator[bytes]:
        try:
            with self._open(name) as file:
                file.seek(start)
                left = end - start
                while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
                    left -= len(piece)
                    yield piece
        except OSError as error:  # else whoever reads a ZIP of it takes that for damaged
            code = errno.errorcode.get(error.errno or 0, "")
            kind = StoreDenied if isinstance(error, PermissionError) else StoreUnreachable
            told = kind(f"The folder of files answered {code}. Try again later.")
            told.unread = name
            raise told from error

    def delete_all_versions(self, *names: str) -> None:
        paths = [path for name in names for path in (self._path(name), self._former_path(name))]
        for path in paths:
            path.unlink(missing_ok=True)
        for draft in self._drafts_of(names):
            Path(draft.path).unlink(missing_ok=True)
        # All names first: the disk's first commit takes most of them along, and the waits after it are short.
        for folder in sorted({path.parent for path in paths}):
            if folder.exists():
                _fsync_folder(folder)

    def remains(self, *names: str) -> set[str]:
        found = {name for name in names if self._path(name).exists() or self._former_path(name).exists()}
        return found | {_name_of(draft) for draft in self._drafts_of(names)}

    def abort_uploads(self, *, before: datetime) -> int:
        uploads = self.folder / _UPLOADS
        drafts = ((draft, _stat(draft)) for draft in _entries(uploads))
        return sum(_is_cleared(draft) for draft, stat in drafts if stat and _changed_at(stat) < before)

    def list(self) -> Iterator[StoredObject]:
        for outer in _entries(self.folder):
            if outer.name == _UPLOADS:
                continue
            for inner in _entries(Path(outer.path)):
                for entry in _entries(Path(inner.path)) if inner.is_dir() else [inner]:
                    if _NAME.fullmatch(entry.name) and (stat := _stat(entry)):
                        yield StoredObject(entry.name, stat.st_size, _changed_at(stat))

    def _drafts_of(self, names: Collection[str]) -> Sequence[os.DirEntry[str]]:
        """What uploads under these names have sent so far, or have left."""
        wanted = set(names)
        return [draft for draft in _entries(self.folder / _UPLOADS) if _name_of(draft) in wanted]

    def copy_to(self, name: str, target: Path) -> None:
        """The same bytes under another path: by a second name where the disk is the same. Objects never change."""
        with self._open(name) as file:
            try:
                os.link(str(file.name), target)
            except OSError:  # another disk, or one that knows no second names
                with target.open("xb", buffering=0) as copy:
                    _write(copy, iter(lambda: file.read(_PIECE_BYTES), b""))
                    os.fsync(copy.fileno())

    def _open(self, name: str) -> FileIO:
        for path in (self._path(name), self._former_path(name)):
            try:
                return path.open("rb", buffering=0)
            except FileNotFoundError:
                continue
        raise ObjectMissing(name)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("not the name of an object")
        return self.folder / name[:2] / name

    def _former_path(self, name: str) -> Path:
        """Where objects lay before: two levels, most of which held one file, and each was a wait for the disk."""
        return self._path(name).parent / name[2:4] / name

    def _folder(self, folder: Path) -> Path:
        """The folder, made if need be so that it survives a crash together with what is put in it."""
        if not folder.is_dir():
            if folder != self.folder:
                self._folder(folder.parent)
            folder.mkdir(mode=0o700, parents=folder == self.folder, exist_ok=True)
            _fsync_folder(folder.parent)
        return folder


def _write(file: FileIO, pieces: Iterable[bytes]) -> int:
    size = begun = 0
    for piece in pieces:
        size += len(piece)
        rest = memoryview(piece)
        while rest:
            rest = rest[file.write(rest) :]
        if size - begun >= _WRITTEN_BACK_BYTES:
            _begin_to_write_back(file.fileno(), begun, size - begun)
            begun = size
    return size


def _begin_to_write_back(handle: int, start: int, length: int) -> None:
    """Have the system bring to the disk what was written, while more comes: else the fsync at the end waits for all of it.

    Python has no other way to ask for that. What is not on the disk yet stays in memory for whoever reads it.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # where this file system takes no hint, the end waits
            os.posix_fadvise(handle, start, length, os.POSIX_FADV_DONTNEED)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_cleared(draft: os.DirEntry[str]) -> bool:
    try:
        Path(draft.path).unlink(missing_ok=True)
    except OSError as error:
        if is_away(error):
            raise
        log.warning("not cleared away: upload=%s error=%s", draft.name, type(error).__name__)
        return False
    return True


def _name_of(draft: os.DirEntry[str]) -> str:
    """Of the object that it would have become."""
    return draft.name.partition("-")[0]


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None of what has gone, or has got its name, since its folder was read."""
    try:
        return entry.stat()
    except FileNotFoundError:
        return None


def _changed_at(stat: os.stat_result) -> datetime:
    return datetime.fromtimestamp(stat.st_mtime, UTC)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
