"""The file in which the client notes all that a run does: records in blocks, each with a checksum (LevelDB's log format)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.utils.translation import gettext as _

from apps.imports.errors import Broken
from apps.imports.readers.wandb_offline.wire import Message
from apps.imports.types import Beat

_FILE = struct.Struct("<4sHB")
_HEAD = (b":W&B", 0xBEE1, 0)
_RECORD = struct.Struct("<IHB")
_BLOCK = 32 * 1024
_WHOLE, _FIRST, _MIDDLE, _LAST = range(1, 5)
_LONGEST = 64 * 2**20


def records(path: Path, beat: Beat | None = None) -> Iterator[Message]:
    """Every record in order. Where the run was killed in the middle of one, that is the end; what is damaged before is Broken."""
    with path.open("rb") as file:
        head = file.read(_FILE.size)
        if len(head) < _FILE.size or _FILE.unpack(head) != _HEAD:
            raise Broken(
                _("This is not the file of an offline run, or it is of a version that is not known here.")
            )
        held: bytearray | None = None
        beat = beat or Beat()
        for kind, data in _parts(file):
            beat()
            if (held is None) != (kind in (_WHOLE, _FIRST)):
                raise _damaged()
            held = bytearray(data) if held is None else held
            if kind in (_MIDDLE, _LAST):
                held += data
            if len(held) > _LONGEST:
                raise _damaged()
            if kind in (_WHOLE, _LAST):
                yield Message(bytes(held))
                held = None


def _parts(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    place = _FILE.size
    while True:
        left = _BLOCK - place % _BLOCK
        if left < _RECORD.size:  # too little for another one: zeros up to the next block
            file.read(left)
            place += left
        head = file.read(_RECORD.size)
        if len(head) < _RECORD.size:
            return
        checksum, length, kind = _RECORD.unpack(head)
        data = file.read(length)
        if len(data) < length or (
            not checksum and not length and not kind
        ):  # room that was made and never written to
            return
        if (
            kind not in (_WHOLE, _FIRST, _MIDDLE, _LAST)
            or zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum
        ):
            raise _damaged()
        place += _RECORD.size + length
        yield kind, data


def _damaged() -> Broken:
    return Broken(_("The file of an offline run is damaged."))
