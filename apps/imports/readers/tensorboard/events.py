"""Event files of TensorBoard: records with their lengths before them, each a message of protocol buffers."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from apps.imports.errors import Broken
from apps.imports.readers.naming import fit_metric
from apps.imports.readers.wandb_offline.wire import Message, double
from apps.imports.types import Beat

_HEAD, _CHECKSUM, _START = struct.Struct("<QL"), 4, 9
_LONGEST = 256 * 2**20
_LONGEST_READ = 16 * 2**20  # an image, a graph: no number takes so much
_CASTAGNOLI = 0x82F63B78
_WALL_TIME, _STEP, _SUMMARY, _VALUE = 1, 2, 5, 1
_TAG, _SIMPLE, _TENSOR = 1, 2, 8
_DTYPE, _CONTENT, _FLOATS, _DOUBLES = 1, 4, 5, 6
_FLOAT_TYPE, _DOUBLE_TYPE = 1, 2


@dataclass(frozen=True, slots=True)
class Event:
    """What was written at one moment: numbers by their names, and how many things there were that are none."""

    at: float
    step: int
    numbers: dict[str, float]
    others: int


def events(path: Path, beat: Beat | None = None) -> Iterator[Event]:
    """Every event in order. Where its program was killed in the middle of one, that is the end; what is damaged before is Broken."""
    at, beat = 0.0, beat or Beat()
    with path.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            beat()
            length, checksum = _HEAD.unpack(head)
            if length > _LONGEST or _masked(head[:8]) != checksum:
                raise Broken(_("An event file is damaged: %(name)s.") % {"name": path.name})
            if length > _LONGEST_READ:
                at = _moment_of(file.read(_START), at)
                file.seek(length - _START + _CHECKSUM, io.SEEK_CUR)
                yield Event(at, 0, {}, 1)
                continue
            data = file.read(length)
            if len(data) < length or len(file.read(_CHECKSUM)) < _CHECKSUM:
                return
            event = _event(Message(data))
            at = event.at
            yield event


def _moment_of(start: bytes, before: float) -> float:
    """Of one that is passed over: as its program writes it, first of all."""
    return (
        _possible(double(start[1:])) if len(start) == _START and start[0] == _WALL_TIME << 3 | 1 else before
    )


def _event(said: Message) -> Event:
    numbers: dict[str, float] = {}
    others = 0
    for value in said.message(_SUMMARY).messages(_VALUE):
        number = _number(value)
        if number is None:
            others += 1
        else:
            numbers[fit_metric(value.text(_TAG))] = number
    moments = said.bytes_of(_WALL_TIME)
    return Event(_possible(double(moments[-1])) if moments else 0.0, said.integer(_STEP), numbers, others)


def _possible(at: float) -> float:
    if not math.isfinite(at):
        raise Broken(_("An event file is damaged: %(name)s.") % {"name": ""})
    return at


def _number(value: Message) -> float | None:
    if simple := value.bytes_of(_SIMPLE):
        return _float(simple[-1])
    tensor = value.message(_TENSOR)
    kind, size = tensor.integer(_DTYPE), {_FLOAT_TYPE: 4, _DOUBLE_TYPE: 8}.get(tensor.integer(_DTYPE), 0)
    held = tensor.bytes_of(_FLOATS if kind == _FLOAT_TYPE else _DOUBLES) or tensor.bytes_of(_CONTENT)
    if not size or len(held) != 1 or len(held[0]) != size:
        return None  # more than one number: an image, a histogram
    return _float(held[0]) if size == 4 else double(held[0])


def _float(value: bytes) -> float:
    if len(value) != 4:
        raise Broken(_("An event file is damaged: %(name)s.") % {"name": ""})
    return float(struct.unpack("<f", value)[0])


def _table() -> list[int]:
    table = []
    for number in range(256):
        for _bit in range(8):
            number = number >> 1 ^ (_CASTAGNOLI if number & 1 else 0)
        table.append(number)
    return table


_REMAINDERS = _table()


def _masked(data: bytes) -> int:
    """The checksum as it is written there: CRC-32C, turned and moved."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _REMAINDERS[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
