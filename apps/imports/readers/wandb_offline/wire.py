"""What is written in the form of protocol buffers, field by field. The client need not be there to be read."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.imports.errors import Broken

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_LONGEST_VARINT = 10
_MOST_FIELDS = 500_000  # of one message: two bytes are one, and a hundred once they are read
_SIGN, _WHOLE = 1 << 63, 1 << 64
_DOUBLE = struct.Struct("<d")


@dataclass(frozen=True, slots=True)
class Message:
    """One message. A field that is not there is empty, as the format has it."""

    data: bytes

    def fields(self) -> Iterator[tuple[int, int | bytes]]:
        """Every field in order: numbers as they are, everything else as bytes."""
        place, end, count = 0, len(self.data), 0
        while place < end:
            count += 1
            if count > _MOST_FIELDS:
                raise _broken()
            tag, place = self._varint(place)
            kind = tag & 7
            if kind == _VARINT:
                value, place = self._varint(place)
                yield tag >> 3, value
                continue
            length, place = self._length(kind, place)
            if place + length > end:
                raise _broken()
            yield tag >> 3, self.data[place : place + length]
            place += length

    def bytes_of(self, number: int) -> list[bytes]:
        return [value for each, value in self.fields() if each == number and isinstance(value, bytes)]

    def messages(self, number: int) -> list[Message]:
        return [Message(value) for value in self.bytes_of(number)]

    def message(self, number: int) -> Message:
        found = self.bytes_of(number)
        return Message(found[-1] if found else b"")

    def texts(self, number: int) -> list[str]:
        try:
            return [value.decode() for value in self.bytes_of(number)]
        except UnicodeDecodeError:
            raise _broken() from None

    def text(self, number: int) -> str:
        found = self.texts(number)
        return found[-1] if found else ""

    def integer(self, number: int) -> int:
        """A number with its sign."""
        found = [value for each, value in self.fields() if each == number and isinstance(value, int)]
        value = found[-1] if found else 0
        return value - _WHOLE if value & _SIGN else value

    def _length(self, kind: int, place: int) -> tuple[int, int]:
        if kind == _BYTES:
            return self._varint(place)
        if kind in (_EIGHT, _FOUR):
            return (8 if kind == _EIGHT else 4), place
        raise _broken()

    def _varint(self, place: int) -> tuple[int, int]:
        value = 0
        for shift, byte in enumerate(self.data[place : place + _LONGEST_VARINT]):
            value |= (byte & 0x7F) << (7 * shift)
            if byte < 0x80:
                return value % _WHOLE, place + shift + 1
        raise _broken()


def zigzag(value: int) -> int:
    """A signed number that was written with its sign last."""
    return (value >> 1) ^ -(value & 1)


def double(value: bytes) -> float:
    if len(value) != _DOUBLE.size:
        raise _broken()
    return float(_DOUBLE.unpack(value)[0])


def _broken() -> Broken:
    return Broken(_("A record of an offline run cannot be read."))
