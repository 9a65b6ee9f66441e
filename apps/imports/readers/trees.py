"""Files by their paths, wherever they lie: in a folder of this machine, or in a ZIP that somebody handed in. Links are followed in neither."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from django.utils.translation import gettext as _

from apps.core import clock
from apps.core.errors import TooMuch
from apps.imports.errors import Broken
from apps.imports.readers.ownlog.archive import BREAKS, check_directory, checked
from apps.imports.types import Beat

_PIECE = 64 * 1024
_MOST_HELD = 16 * 2**20


class Tree(Protocol):
    """What a reader sees of it. A path has / between folders and leads nowhere else."""

    links: int  # that were passed by
    beat: Beat

    @property
    def packed_size(self) -> int: ...

    @property
    def paths(self) -> Sequence[str]: ...

    def size(self, path: str) -> int: ...

    def moment(self, path: str) -> datetime: ...

    def stream(self, path: str, *, piece_size: int = _PIECE) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class FolderTree:
    """A folder. A file is open only while a piece of it is read: thousands may be read side by side."""

    def __init__(self, top: Path) -> None:
        self._top = top.resolve()
        self.links, self.beat = 0, Beat()
        self._sizes = dict(sorted(self._found()))

    def _found(self) -> Iterator[tuple[str, int]]:
        for folder, below, names in os.walk(self._top):
            here = Path(folder)
            self.links += sum((here / each).is_symlink() for each in below)
            for each in (here / name for name in names):
                if each.is_symlink() or not each.is_file():
                    self.links += 1
                else:
                    yield each.relative_to(self._top).as_posix(), each.stat().st_size

    @property
    def paths(self) -> Sequence[str]:
        return list(self._sizes)

    @property
    def packed_size(self) -> int:
        """Nothing is packed here but what its files pack themselves."""
        return sum(self._sizes.values())

    def size(self, path: str) -> int:
        return self._sizes[path]

    def moment(self, path: str) -> datetime:
        return min(datetime.fromtimestamp((self._top / path).stat().st_mtime, tz=UTC), clock.now())

    def stream(self, path: str, *, piece_size: int = _PIECE) -> Iterator[bytes]:
        at = 0
        while True:
            self.beat()
            with (self._top / path).open("rb") as file:
                file.seek(at)
                piece = file.read(piece_size)
            if not piece:
                return
            at += len(piece)
            yield piece

    def close(self) -> None:
        """Nothing stays open."""


class ZipTree:
    """A ZIP as any program packs it, looked at as a whole before anything of it is read (ADR 0224)."""

    links = 0  # one with a link in it is refused

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.beat = file, Beat()
        try:
            self._size = check_directory(file)
            self._zip = zipfile.ZipFile(file)
            found = checked([each for each in self._zip.infolist() if not each.is_dir()], self._size)
        except BREAKS:
            raise Broken(_("This is not a ZIP archive, or it is not whole.")) from None
        self._infos = dict(sorted(found.items()))

    @property
    def paths(self) -> Sequence[str]:
        return list(self._infos)

    @property
    def packed_size(self) -> int:
        return self._size

    def size(self, path: str) -> int:
        return self._infos[path].file_size

    def moment(self, path: str) -> datetime:
        """To two seconds; the present where its entry says no moment that was."""
        try:
            found = datetime(*self._infos[path].date_time, tzinfo=UTC)
        except ValueError:
            return clock.now()
        return min(found, clock.now())

    def stream(self, path: str, *, piece_size: int = _PIECE) -> Iterator[bytes]:
        """No more than it says that there is; its checksum is looked at where it ends."""
        try:
            with self._zip.open(self._infos[path]) as file:
                while piece := file.read(piece_size):
                    self.beat()
                    yield piece
        except BREAKS:
            raise Broken(_("A file of this archive is damaged: %(path)s.") % {"path": path}) from None

    def close(self) -> None:
        self._file.close()


def whole(tree: Tree, path: str, *, most: int = _MOST_HELD) -> bytes:
    """A small file."""
    if tree.size(path) > most:
        raise TooMuch(_("A file is larger than anything of its kind may be: %(path)s.") % {"path": path})
    return b"".join(tree.stream(path))


def fingerprint(tree: Tree) -> bytes:
    """The same for the same files as far as their names, sizes and moments tell."""
    digest = hashlib.sha256()
    for path in tree.paths:
        digest.update(f"{path} {tree.size(path)} {tree.moment(path)}\n".encode("utf-8", "surrogatepass"))
    return digest.digest()


class OfTree:
    """What is read of a tree: the runs below each of its folders, and how much of it is known to be missing."""

    _runs: Mapping[str, Sequence[object]]

    def __init__(self, tree: Tree) -> None:
        self._tree, self._left_out = tree, tree.links

    @property
    def beat(self) -> Beat:
        return self._tree.beat

    @property
    def fingerprint(self) -> bytes:
        return fingerprint(self._tree)

    @property
    def things(self) -> int:
        return sum(map(len, self._runs.values()))

    @property
    def left_out(self) -> int:
        return self._left_out

    def close(self) -> None:
        self._tree.close()
