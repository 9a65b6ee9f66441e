"""The canary search: is anything that was logged to be found on the disk, in whatever guise?

Files are searched as bytes, and SQLite files value by value as well: a long value is spread over
pages, and raw bytes of the file would miss it. What is merely compressed is opened first.
"""

from __future__ import annotations

import base64
import gzip
import json
import secrets
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import zstandard

_SQLITE = b"SQLite format 3\0"
_MOST_UNPACKED = 64 * 1024 * 1024
# What stands before and after these is unknown, so only the letters that the marker alone decides are looked for.
_ALIGNMENTS = ((0, 0), (1, 2), (2, 3))
Guise = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Marker:
    """A value that stands nowhere else in the world, and the field that carries it."""

    field: str
    value: str | float

    @property
    def guises(self) -> list[Guise]:
        return _text_guises(self.value) if isinstance(self.value, str) else _number_guises(self.value)


@dataclass(frozen=True, slots=True)
class Hit:
    """A marker that was found; the value itself is not repeated."""

    field: str
    guise: str
    place: str


def new_text(field: str, *, letters: int = 18) -> Marker:
    """Lower-case letters only: fit for a name, a path, a key or a run id alike."""
    return Marker(field, "q" + "".join(secrets.choice("bcdfghjkmnprstvwxz") for _ in range(letters)))


def new_number(field: str) -> Marker:
    """A number of 15 digits that JSON, Parquet and Python all keep to the last one."""
    return Marker(field, float(f"{secrets.randbelow(9 * 10**14) + 10**14}") / 1024)


def search(places: Iterable[Path], markers: Iterable[Marker]) -> list[Hit]:
    """Every marker in every file at or below `places`."""
    return search_readings((each for path in _files(places) for each in _readings(path)), markers)


def search_readings(readings: Iterable[tuple[str, bytes]], markers: Iterable[Marker]) -> list[Hit]:
    """Every marker in what was read, each reading with a word on where it was."""
    wanted = [(marker.field, guise, needle) for marker in markers for guise, needle in marker.guises]
    hits: set[Hit] = set()
    for where, data in readings:
        hits.update(Hit(field, guise, where) for field, guise, needle in wanted if needle in data)
    return sorted(hits, key=lambda hit: (hit.field, hit.place, hit.guise))


def _text_guises(text: str) -> list[Guise]:
    raw = text.encode()
    guises = [
        ("raw", raw),
        ("upper case", text.upper().encode()),
        ("reversed", raw[::-1]),
        ("hex", raw.hex().encode()),
        ("hex, capitals", raw.hex().upper().encode()),
        ("URL-quoted", "".join(f"%{byte:02X}" for byte in raw).encode()),
        ("UTF-16 LE", text.encode("utf-16-le")),
        ("UTF-16 BE", text.encode("utf-16-be")),
        ("JSON escapes", "".join(f"\\u{ord(letter):04x}" for letter in text).encode()),
    ]
    if quote(text) != text:
        guises.append(("URL-quoted where needed", quote(text).encode()))
    for before, skipped in _ALIGNMENTS:
        letters = base64.b64encode(b"\0" * before + raw)
        # The first letters mix with what stands before, the last three bytes' worth with what stands behind.
        stable = letters[skipped : len(letters) - 4]
        guises.append((f"base64 at {before}", stable))
        if (url_safe := stable.translate(bytes.maketrans(b"+/", b"-_"))) != stable:
            guises.append((f"base64url at {before}", url_safe))
    return guises


def _number_guises(value: float) -> list[Guise]:
    written = {repr(value), json.dumps(value), f"{value:.17g}", str(int(value))}
    guises = [(f"written {text!r}", text.encode()) for text in sorted(written)]
    return [*guises, ("double LE", struct.pack("<d", value)), ("double BE", struct.pack(">d", value))]


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        if place.is_dir():
            yield from (path for path in sorted(place.rglob("*")) if path.is_file())
        elif place.is_file():
            yield place


def _readings(path: Path) -> Iterator[tuple[str, bytes]]:
    """The file's name and bytes, then what is inside it, each with a word on where it was."""
    yield f"name of {path}", str(path).encode()
    try:
        data = path.read_bytes()
    except FileNotFoundError:  # a draft that has just got its name
        return
    yield str(path), data
    yield from ((f"{path} unpacked", inner) for inner in _unpacked(data))
    if data.startswith(_SQLITE):
        yield from _values(path)


def _values(path: Path) -> Iterator[tuple[str, bytes]]:
    """All values of a SQLite file, those in its WAL included."""
    with sqlite3.connect(path) as connection:
        connection.text_factory = bytes
        tables = [
            name.decode()
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for table in tables:
            rows = connection.execute(f'SELECT * FROM "{table}"')
            columns = [about[0] for about in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    yield from value_readings(f"{path}: {table}.{column}", value)
    connection.close()


def value_readings(where: str, value: object) -> Iterator[tuple[str, bytes]]:
    data = value if isinstance(value, bytes) else repr(value).encode()
    yield where, data
    yield from ((f"{where} unpacked", inner) for inner in _unpacked(data))


def _unpacked(data: bytes) -> Iterator[bytes]:
    """What the data holds if it is compressed and no more."""
    if data[:2] == b"\x1f\x8b":
        yield from _tried(gzip.decompress, data)
    if data[:1] == b"\x78":
        yield from _tried(zlib.decompress, data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        yield from _tried(
            lambda packed: zstandard.ZstdDecompressor().decompress(packed, _MOST_UNPACKED), data
        )


def _tried(unpack: object, data: bytes) -> Iterator[bytes]:
    assert callable(unpack)
    try:
        yield unpack(data)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        return
