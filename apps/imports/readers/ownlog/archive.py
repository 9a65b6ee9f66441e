"""A ZIP that somebody hands in, read with distrust: nothing of it is unpacked to a disk, no more is read than it says that there
is, and every byte is held to the digest that its manifest says."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from apps.core import clock, jsontext
from apps.core.errors import Invalid, TooMuch
from apps.imports.errors import Broken
from apps.imports.types import Beat

FORMAT = "ownlog-export/1"
MANIFEST = "manifest.json"
MOST_FILES = 500_000  # their names are in memory
_MOST_DIRECTORY = 128 * 2**20
_MOST_MANIFEST = 192 * 2**20
_MOST_JSON = 96 * 2**20  # the list of an artifact's files is the longest
_MOST_HELD = 128 * 2**20  # of a table that was packed once more, and cannot be read from any place
_MOST_VALUES = 4_000_000  # of a JSON text, however short it writes them
_PIECE = 256 * 1024
# Text packs to a twentieth; what is meant to fill a memory, to a thousandth.
_LARGEST_RATIO, _ALWAYS_ALLOWED = 200, 2**30
_END, _LOCATOR, _END64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s24x3H12x")
_LONGEST_COMMENT = 2**16
_LONGEST_ENTRY = _ENTRY.size + 3 * 2**16
_LONGEST_PATH = 4096
_LOCAL_NAMES = struct.Struct("<26x2H")
_LOCAL_SIZE = 30
_SYMLINK = 0xA000
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
BREAKS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, OSError, UnicodeError)


class Archive:
    """One archive of ours. What is wrong with it as a whole shows when it is opened, what is wrong with a file when that is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.beat = file, Beat()
        try:
            self.packed_size = check_directory(file)
            self._zip = zipfile.ZipFile(file)
            self._infos = checked(self._zip.infolist(), self.packed_size)
            self.manifest_sha256 = hashlib.sha256()
            self.head, self._digests = self._manifest()
        except BREAKS:
            raise _broken() from None

    @property
    def paths(self) -> list[str]:
        """Every file but the manifest, in the order in which they were written."""
        return [path for path in self._infos if path != MANIFEST]

    def has(self, path: str) -> bool:
        return path in self._infos

    def size(self, path: str) -> int:
        return self._info(path).file_size

    def moment(self, path: str) -> datetime:
        """When it was last changed, to two seconds; the present where its entry says no moment that was."""
        try:
            found = datetime(*self._info(path).date_time, tzinfo=UTC)
        except ValueError:
            return clock.now()
        return min(found, clock.now())

    def bytes_of(self, path: str, *, most: int = _MOST_JSON) -> bytes:
        """A file whole."""
        if self.size(path) > most:
            raise TooMuch(_("A file of the archive is larger than anything of its kind may be."))
        return b"".join(self.stream(path))

    def json(self, path: str) -> dict[str, Any]:
        value = _value(self.bytes_of(path))
        if not isinstance(value, dict):
            raise Broken(_("A file of the archive is not what its name says."))
        return value

    def json_list(self, path: str, *, most: int = _MOST_JSON) -> list[Any]:
        value = _value(self.bytes_of(path, most=most))
        if not isinstance(value, list):
            raise Broken(_("A file of the archive is not what its name says."))
        return value

    def stream(self, path: str) -> Iterator[bytes]:
        """Its bytes. Broken at the end where they are others than the manifest says: nobody keeps them before."""
        size, wanted = self._said(path)
        digest, came = hashlib.sha256(), 0
        for piece in self._pieces(path):
            came += len(piece)
            if came > size:
                raise _other(path)
            digest.update(piece)
            yield piece
        if came != size or digest.digest() != wanted:
            raise _other(path)

    def seekable(self, path: str) -> BinaryIO:
        """The same for who goes back and forth in it: its digest is looked at first."""
        info = self._info(path)
        if info.compress_type == zipfile.ZIP_STORED:
            for _piece in self.stream(path):
                pass
            return io.BufferedReader(_Section(self._file, self._start(info), info.file_size), _PIECE)
        if info.file_size > _MOST_HELD:
            raise TooMuch(_("A file of the archive is larger than anything of its kind may be."))
        held = io.BytesIO()
        for piece in self.stream(path):
            held.write(piece)
        held.seek(0)
        return held

    def _manifest(self) -> tuple[dict[str, Any], dict[str, tuple[int, bytes]]]:
        if MANIFEST not in self._infos:
            raise Broken(_("This is not an export: it has no manifest."))
        if self._infos[MANIFEST].file_size > _MOST_MANIFEST:
            raise TooMuch(_("The list of files of this archive is too long."))
        raw = b"".join(self._pieces(MANIFEST))
        self.manifest_sha256.update(raw)
        said = _value(raw)
        if not isinstance(said, dict) or not isinstance(files := said.pop("files", None), list):
            raise Broken(_("This is not an export: its manifest is none."))
        if said.get("format") != FORMAT:
            raise Broken(
                _("This archive is of a format that is not known here. Known is %(format)s.")
                % {"format": FORMAT}
            )
        digests = dict(map(_listed, files))
        if digests.keys() != self._infos.keys() - {MANIFEST} or len(digests) != len(files):
            raise Broken(_("The files of this archive are not those that its manifest lists."))
        return said, digests

    def _said(self, path: str) -> tuple[int, bytes]:
        if path not in self._digests:
            raise Broken(_("A file is missing from this archive."))
        return self._digests[path]

    def _info(self, path: str) -> zipfile.ZipInfo:
        if path not in self._infos:
            raise Broken(_("A file is missing from this archive."))
        return self._infos[path]

    def _pieces(self, path: str) -> Iterator[bytes]:
        try:
            with self._zip.open(self._info(path)) as file:
                while piece := file.read(_PIECE):
                    self.beat()
                    yield piece
        except BREAKS:
            raise _broken() from None

    def _start(self, info: zipfile.ZipInfo) -> int:
        self._file.seek(info.header_offset)
        name, extra = _LOCAL_NAMES.unpack(self._file.read(_LOCAL_SIZE))
        return int(info.header_offset + _LOCAL_SIZE + name + extra)


class _Section(io.RawIOBase):
    """A stretch of a file as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        before = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, before + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def check_directory(file: BinaryIO) -> int:
    """The size of the file, once its directory was found small enough to be held: `zipfile` would read any at one go, and make
    something of each entry in it, however few it says that there are."""
    size = file.seek(0, io.SEEK_END)
    tail = min(size, _LONGEST_COMMENT + _END.size + _LOCATOR.size)
    file.seek(size - tail)
    data = file.read(tail)
    at = data.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(data):
        raise zipfile.BadZipFile
    (_magic, _disk, _first, _here, count, length, _offset, _comment) = _END.unpack_from(data, at)
    ends, counted_to = size - tail + at, 2**16  # by programs that know no larger numbers
    if at >= _LOCATOR.size and data[at - _LOCATOR.size :].startswith(b"PK\6\7"):
        (_magic, _disk, place, _disks) = _LOCATOR.unpack_from(data, at - _LOCATOR.size)
        ends -= _LOCATOR.size + _END64.size
        if place != ends:  # some read the one that it says, others the one before it
            raise zipfile.BadZipFile
        file.seek(place)
        ending = _END64.unpack(file.read(_END64.size))
        if ending[0] != b"PK\6\6":
            raise zipfile.BadZipFile
        count, length, counted_to = ending[7], ending[8], 2**64
    if count > MOST_FILES or length > _MOST_DIRECTORY:
        raise _too_many()
    if length > ends or _entries(file, ends - length, length) % counted_to != count:
        raise zipfile.BadZipFile
    file.seek(0)
    return size


def _entries(file: BinaryIO, start: int, length: int) -> int:
    """How many there are in a directory, and not how many it says."""
    file.seek(start)
    found, held, at = 0, b"", 0
    while at + _ENTRY.size <= len(held) or length:
        if len(held) - at < _LONGEST_ENTRY and length:
            more = file.read(min(length, _PIECE))
            held, at, length = held[at:] + more, 0, length - len(more)
            if not more:
                raise zipfile.BadZipFile
            continue
        magic, name, extra, comment = _ENTRY.unpack_from(held, at)
        if magic != b"PK\1\2" or name > _LONGEST_PATH:
            raise zipfile.BadZipFile
        at += _ENTRY.size + name + extra + comment
        found += 1
        if found > MOST_FILES:
            raise _too_many()
    if at != len(held):
        raise zipfile.BadZipFile
    return found


def _too_many() -> TooMuch:
    return TooMuch(_("An archive of at most %(n)d files can be imported.") % {"n": MOST_FILES})


def checked(infos: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
    """The files by path. Broken where one leads out of its folder, is there twice, shares bytes with another, or would unpack to
    far more than it is."""
    found = {info.filename: info for info in infos}
    if len(found) != len(infos) or not all(map(_is_harmless, infos)):
        raise Broken(_("This archive has files that no export has: nothing of it was imported."))
    end = 0
    for info in sorted(infos, key=lambda each: each.header_offset):
        if info.header_offset < end:
            raise Broken(_("This archive has files that lie in one another: nothing of it was imported."))
        end = info.header_offset + _LOCAL_SIZE + info.compress_size
    whole = sum(info.file_size for info in infos)
    if end > size or whole > _LARGEST_RATIO * size + _ALWAYS_ALLOWED:
        raise Broken(_("This archive would unpack to far more than it is: nothing of it was imported."))
    return found


def _is_harmless(info: zipfile.ZipInfo) -> bool:
    path = info.orig_filename
    parts = path.split("/")
    is_inside = not ({"", ".", ".."} & set(parts)) and "\\" not in path and "\0" not in path
    is_file = (info.external_attr >> 16) & 0xF000 != _SYMLINK and not info.flag_bits & 1
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        return False
    return is_inside and is_file and ":" not in parts[0] and info.compress_type in _METHODS


def _value(raw: bytes) -> Any:
    if jsontext.values_in(raw) > _MOST_VALUES:
        raise TooMuch(_("A file of the archive is larger than anything of its kind may be."))
    return jsontext.loads(raw)


def _listed(each: Any) -> tuple[str, tuple[int, bytes]]:
    try:
        path, size, digest = each["path"], each["size"], bytes.fromhex(each["sha256"])
    except (KeyError, TypeError, ValueError):
        raise Broken(_("This is not an export: its manifest is none.")) from None
    if not isinstance(path, str) or type(size) is not int or len(digest) != 32:
        raise Broken(_("This is not an export: its manifest is none."))
    return path, (size, digest)


def _broken() -> Invalid:
    return Broken(_("This is not a ZIP archive, or it is not whole."))


def _other(path: str) -> Invalid:
    return Broken(
        _("A file of this archive is not the one that was exported: %(path)s. Nothing was imported.")
        % {"path": path}
    )
