"""A ZIP64 archive in pieces: each is written alone, knows nothing of the others, and together they are one archive.

The standard library writes no archive whose parts are made apart, and holds all of its directory in memory. Written here is
what the format asks for and no more: every file in the form of ZIP64, its size and checksum after its bytes, because they
are known only then; the directory at the end, made of the entries that each piece noted.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from apps.exports.types import Entry, Member

_LOCAL = struct.Struct("<4s5H3L2H")
_FOLLOWING = struct.Struct("<4sLQQ")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_ZIP64 = 45  # the version of the format that a reader has to know
_MADE_ON = (3 << 8) | _ZIP64  # attributes are those of Unix
_SIZES_FOLLOW, _NAMES_ARE_UTF8 = 1 << 3, 1 << 11
_FLAGS = _SIZES_FOLLOW | _NAMES_ARE_UTF8
_STORED, _DEFLATED = 0, 8
_IN_EXTRA, _IN_EXTRA_SHORT = 0xFFFFFFFF, 0xFFFF
_PLAIN_FILE = 0o100644 << 16
_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, 23, 59, 58, tzinfo=UTC)
_LEVEL = 6


class Piece:
    """A stretch of an archive while it is written: take the bytes of one file after the other."""

    def __init__(self) -> None:
        self.size = 0
        self.entries: list[Entry] = []

    def write(self, member: Member) -> Iterator[bytes]:
        """The bytes of one file with what goes before and after. Only one that was taken to its end becomes an entry: what
        breaks off stays in the piece, and no directory leads there."""
        name, moment = member.path.encode(), _moment(member.moment)
        method = _STORED if member.is_packed else _DEFLATED
        start = self.size
        extra = struct.pack("<2H2Q", 1, 16, 0, 0)
        head = _LOCAL.pack(
            b"PK\3\4", _ZIP64, _FLAGS, method, moment & 0xFFFF, moment >> 16,
            0, _IN_EXTRA, _IN_EXTRA, len(name), len(extra),
        )  # fmt: skip
        yield self._out(head + name + extra)
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS) if method == _DEFLATED else None
        crc, size, before, digest = 0, 0, self.size, hashlib.sha256()
        for piece in member.read():
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            digest.update(piece)
            packed = packer.compress(piece) if packer else piece
            if packed:
                yield self._out(packed)
        if packer:
            yield self._out(packer.flush())
        packed_size = self.size - before
        yield self._out(_FOLLOWING.pack(b"PK\7\10", crc, packed_size, size))
        self.entries.append(
            Entry(member.path, start, size, packed_size, crc, digest.hexdigest(), packer is not None, moment)
        )

    def _out(self, data: bytes) -> bytes:
        self.size += len(data)
        return data


def directory(entries: Iterable[Entry], start: int) -> Iterator[bytes]:
    """The end of an archive whose files lie before `start`: their offsets are those in the archive."""
    count, size = 0, 0
    for entry in entries:
        line = _central(entry)
        count, size = count + 1, size + len(line)
        yield line
    yield (
        _END64.pack(b"PK\6\6", _END64.size - 12, _MADE_ON, _ZIP64, 0, 0, count, count, size, start)
        + _LOCATOR.pack(b"PK\6\7", 0, start + size, 1)
        + _END.pack(b"PK\5\6", 0, 0, _IN_EXTRA_SHORT, _IN_EXTRA_SHORT, _IN_EXTRA, _IN_EXTRA, 0)
    )


def moved(entry: Entry, by: int) -> Entry:
    """The entry as it lies in an archive that has so many bytes before its piece."""
    return replace(entry, offset=entry.offset + by)


def _central(entry: Entry) -> bytes:
    name = entry.path.encode()
    extra = struct.pack("<2H3Q", 1, 24, entry.size, entry.packed_size, entry.offset)
    head = _CENTRAL.pack(
        b"PK\1\2", _MADE_ON, _ZIP64, _FLAGS, _DEFLATED if entry.is_deflated else _STORED,
        entry.moment & 0xFFFF, entry.moment >> 16, entry.crc, _IN_EXTRA, _IN_EXTRA,
        len(name), len(extra), 0, 0, 0, _PLAIN_FILE, _IN_EXTRA,
    )  # fmt: skip
    return head + name + extra


def _moment(moment: datetime) -> int:
    at = min(max(moment.astimezone(UTC), _EARLIEST), _LATEST)
    date = (at.year - 1980) << 9 | at.month << 5 | at.day
    return date << 16 | at.hour << 11 | at.minute << 5 | at.second // 2
