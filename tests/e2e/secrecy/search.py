"""The canary search: is anything that was logged to be found on the disk, in whatever guise?

Files are searched as bytes, and SQLite files value by value as well: a long value is spread over
pages, and raw bytes of the file would miss it. What is merely compressed is opened, wherever in a file it begins.

A file is read in blocks that overlap, so its size is no matter. All markers are looked for at once, by how they begin, so their
number is no matter either.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import sqlite3
import struct
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import numpy as np
import zstandard

_SQLITE = b"SQLite format 3\0"
_STEM = "qvzxkw"
BLOCK = 4 * 1024 * 1024
_START = 4  # bytes of a needle by which it is looked for
_AT_ONCE = 256 * 1024
_OVERLAP = 4 * 1024  # more than any guise of any marker is long
_MOST_UNPACKED = 64 * 1024 * 1024  # of one stream
_PIECE = 64 * 1024
# What stands before and after these is unknown, so only the letters that the marker alone decides are looked for.
_ALIGNMENTS = ((0, 0), (1, 2), (2, 3))
Guise = tuple[str, bytes]
Reading = tuple[str, bytes]  # where it was, and what


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
    rest = letters + 1 - len(_STEM)
    return Marker(field, _STEM + "".join(secrets.choice("bcdfghjkmnprstvwxz") for _ in range(rest)))


def new_number(field: str) -> Marker:
    """A number of 15 digits that JSON, Parquet and Python all keep to the last one."""
    return Marker(field, float(f"{secrets.randbelow(9 * 10**14) + 10**14}") / 1024)


def search(places: Iterable[Path], markers: Iterable[Marker]) -> list[Hit]:
    """Every marker in every file at or below `places`."""
    return search_readings(readings_of(places), markers)


def readings_of(places: Iterable[Path]) -> Iterator[Reading]:
    """All that is in the files at or below `places`."""
    return (each for path in _files(places) for each in _readings(path))


def search_readings(readings: Iterable[Reading], markers: Iterable[Marker]) -> list[Hit]:
    """Every marker in what was read, each reading with a word on where it was."""
    finder, hits = _Finder(markers), set[Hit]()
    for where, data in readings:
        hits.update(Hit(field, guise, where) for field, guise in finder.found_in(data))
    return sorted(hits, key=lambda hit: (hit.field, hit.place, hit.guise))


class _Finder:
    """All markers at once, by one look at each byte however many they are: a thousand of them have the stem in common."""

    def __init__(self, markers: Iterable[Marker]) -> None:
        # For each guise and length: by the whole needle, the field.
        self._stemmed: dict[tuple[str, int], dict[bytes, str]] = defaultdict(dict)
        # By their first bytes: the field, the guise and the whole; of a stem no field.
        self._needles: dict[bytes, list[tuple[str | None, str, bytes]]] = defaultdict(list)
        stems = dict(_text_guises(_STEM, stem=True))
        for marker in markers:
            is_stemmed = isinstance(marker.value, str) and re.fullmatch(rf"{_STEM}[a-z]+", marker.value)
            for guise, needle in marker.guises:
                if is_stemmed and guise in stems:
                    self._stemmed[guise, len(needle)][needle] = marker.field
                else:
                    self._needles[needle[:_START]].append((marker.field, guise, needle))
        for guise in dict.fromkeys(guise for guise, _ in self._stemmed):
            self._needles[stems[guise][:_START]].append((None, guise, stems[guise]))
        self._starts = _Starts(self._needles)

    def found_in(self, data: bytes) -> Iterator[tuple[str, str]]:
        for at in self._starts.found_in(data):
            for field, guise, needle in self._needles.get(data[at : at + _START], ()):
                if not data.startswith(needle, at):
                    continue
                if field is None:
                    yield from self._whole(data, guise, at, len(needle))
                else:
                    yield field, guise

    def _whole(self, data: bytes, guise: str, at: int, stem: int) -> Iterator[tuple[str, str]]:
        for (of, length), needles in self._stemmed.items():
            if of == guise:
                start = at + stem - length if guise == "reversed" else at
                field = needles.get(data[start : start + length]) if start >= 0 else None
                if field is not None:
                    yield field, guise


class _Starts:
    """Where any of many beginnings may stand: by tables of what its first pairs of bytes can be, so some are none."""

    def __init__(self, starts: Iterable[bytes]) -> None:
        found = list(starts)
        assert len({len(start) for start in found}) <= 1
        self._tables = []
        for at in range(0, len(found[0]) if found else 0, 2):
            table = np.zeros(2**16, dtype=bool)
            table[[int.from_bytes(start[at : at + 2], "little") for start in found]] = True
            self._tables.append(table)

    def found_in(self, data: bytes) -> Iterator[int]:
        """In pieces that stay in the processor's memory, and overlap by what a beginning takes."""
        most = 2 * len(self._tables) - 1
        for start in range(0, len(data) - most if most > 0 else 0, _AT_ONCE):
            letters = np.frombuffer(data[start : start + _AT_ONCE + most], dtype=np.uint8).astype(np.uint16)
            pairs = letters[:-1] | (letters[1:] << 8)
            at = np.flatnonzero(self._tables[0][pairs[: len(letters) - most]])
            for number, table in enumerate(self._tables[1:], start=1):
                at = at[table[pairs[at + 2 * number]]]
            yield from (at + start).tolist()


def _text_guises(text: str, *, stem: bool = False) -> list[Guise]:
    """`stem`: of a beginning, behind which more letters stand."""
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
        whole = (before + len(raw)) * 4 // 3
        stable = letters[skipped : whole if stem else len(letters) - 4]
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


def _readings(path: Path) -> Iterator[Reading]:
    """The file's name and bytes, then what is inside it, each with a word on where it was."""
    yield f"name of {path}", str(path).encode()
    try:
        with path.open("rb") as file:
            yield from _blocks_and_unpacked(str(path), file)
            file.seek(0)
            is_sqlite = file.read(len(_SQLITE)) == _SQLITE
    except FileNotFoundError:  # a draft that has just got its name
        return
    if is_sqlite:
        yield from _values(path)


def _values(path: Path) -> Iterator[Reading]:
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


def value_readings(where: str, value: object) -> Iterator[Reading]:
    data = value if isinstance(value, bytes) else repr(value).encode()
    yield from _blocks_and_unpacked(where, BytesIO(data))


def _blocks_and_unpacked(where: str, file: BinaryIO) -> Iterator[Reading]:
    for start, block in _blocks(file):
        yield where, block
        for at in _beginnings(block):
            yield from (
                (f"{where} unpacked", inner) for inner in _unpacked(file, start + at, block[at : at + 4])
            )
    file.seek(0)
    if file.read(4) == b"PK\x03\x04":
        # A piece of an archive is none: its end tells of places that lie before it.
        with suppress(zipfile.BadZipFile, ValueError), zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                yield f"{where} member", name.encode()
                with archive.open(name) as member:
                    yield from ((f"{where} member", inner) for _, inner in _blocks(member))


def _blocks(file: Any) -> Iterator[tuple[int, bytes]]:
    """With the offset at which each begins; its first bytes are the last ones of the block before."""
    start, kept = 0, b""
    while True:
        file.seek(start + len(kept))
        read = file.read(BLOCK)
        if not read:
            return
        block = kept + read
        yield start, block
        kept = block[-_OVERLAP:]
        start += len(block) - len(kept)


# gzip, zstd, and zlib at its four levels.
_BEGINS = re.compile(rb"\x1f\x8b\x08|\x28\xb5\x2f\xfd|\x78[\x01\x5e\x9c\xda]")
_PACKED = _Starts([b"\x1f\x8b", b"\x28\xb5", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"])


def _beginnings(block: bytes) -> Iterator[int]:
    return (at for at in _PACKED.found_in(block) if _BEGINS.match(block, at))


def _unpacked(file: BinaryIO, at: int, magic: bytes) -> Iterator[bytes]:
    """What is packed there, as far as it unpacks, in pieces that overlap."""
    opener: Any
    if magic[:2] == b"\x1f\x8b":
        opener = zlib.decompressobj(wbits=31)
    elif magic[:1] == b"\x78":
        opener = zlib.decompressobj()
    else:
        opener = zstandard.ZstdDecompressor().decompressobj()
    kept, total, piece = b"", 0, 1024  # a beginning that is none shows within the first bytes
    while total < _MOST_UNPACKED:
        file.seek(at)
        packed = file.read(piece)
        at, piece = at + len(packed), _PIECE
        try:
            inner = opener.decompress(packed) if packed else b""
        except (zlib.error, zstandard.ZstdError):
            return
        if inner:
            yield kept + inner
            kept = (kept + inner)[-_OVERLAP:]
            total += len(inner)
        if not packed or opener.eof:
            return
