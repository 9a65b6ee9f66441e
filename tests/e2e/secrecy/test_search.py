"""The canary search finds what it is there to find: a search that finds nothing proves nothing by itself."""

from __future__ import annotations

import base64
import gzip
import io
import secrets
import sqlite3
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import zstandard

from tests.e2e.secrecy.search import BLOCK, Marker, new_number, new_text, search

GUISES: dict[str, Callable[[str], bytes]] = {
    "raw": lambda text: text.encode(),
    "inside other text": lambda text: f"before-{text}-after".encode(),
    "upper case": lambda text: text.upper().encode(),
    "base64, first": lambda text: base64.b64encode(f"{text} and more".encode()),
    "base64, second": lambda text: base64.b64encode(f"x{text} and more".encode()),
    "base64, third": lambda text: base64.b64encode(f"xy{text} and more".encode()),
    "base64, last": lambda text: base64.b64encode(f"and more, xyz{text}".encode()),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(f"ab{text}".encode()),
    "hex": lambda text: f"00{text.encode().hex()}ff".encode(),
    "URL-quoted": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "UTF-16": lambda text: f"xx{text}xx".encode("utf-16"),
    "gzip": lambda text: gzip.compress(text.encode() * 9),
    "zlib": lambda text: zlib.compress(text.encode() * 9),
    "zstd": lambda text: zstandard.compress(text.encode() * 9),
}


@pytest.mark.parametrize("guise", GUISES)
def test_a_marker_in_a_log_is_found_in_each_guise(guise: str, tmp_path: Path) -> None:
    planted, absent = new_text("planted"), new_text("absent")
    (tmp_path / "server.log").write_bytes(GUISES[guise](str(planted.value)))
    assert {hit.field for hit in search([tmp_path], [planted, absent])} == {"planted"}


def test_a_marker_with_other_letters_is_found_quoted(tmp_path: Path) -> None:
    marker = Marker("name", f"損失 {new_text('').value} ü")
    (tmp_path / "access.log").write_text(f"GET /alice/{quote(str(marker.value))}")
    assert search([tmp_path], [marker])


def test_a_number_is_found_written_and_as_a_double(tmp_path: Path) -> None:
    written, packed = new_number("written"), new_number("packed")
    (tmp_path / "a").write_text(f'{{"loss": {written.value!r}}}')
    (tmp_path / "b").write_bytes(b"xxx" + struct.pack("<d", packed.value) + b"xxx")
    assert {hit.field for hit in search([tmp_path], [written, packed])} == {"written", "packed"}


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib, fast": lambda data: zlib.compress(data, 1),
    "zlib": zlib.compress,
    "zlib, best": lambda data: zlib.compress(data, 9),
    "zstd": zstandard.compress,
    "zip": lambda data: _zipped(data),
}


def _zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.txt", data)
    return file.getvalue()


@pytest.mark.parametrize("guise", GUISES)
def test_a_marker_is_found_where_a_block_ends(guise: str, tmp_path: Path) -> None:
    planted = new_text("planted")
    needle = GUISES[guise](str(planted.value))
    for shift in (1, len(needle) // 2, len(needle) - 1):
        (tmp_path / f"large-{shift}").write_bytes(b"\0" * (BLOCK - shift) + needle + b"\0" * BLOCK)
    assert len({hit.place.partition(" unpacked")[0] for hit in search([tmp_path], [planted])}) == 3


@pytest.mark.parametrize("packed", PACKED)
def test_what_is_packed_is_opened_wherever_in_a_file_it_begins(packed: str, tmp_path: Path) -> None:
    """Much of it, so that it comes out in pieces; also where its end is missing."""
    planted, absent = new_text("planted"), new_text("absent")
    noise = secrets.token_bytes(200_000)
    behind = secrets.token_bytes(len(noise))
    text = PACKED[packed](noise + base64.b64encode(f"{planted.value} ".encode()) + behind)
    (tmp_path / "whole").write_bytes(text if packed == "zip" else noise + text + noise)
    if packed != "zip":
        (tmp_path / "cut short").write_bytes(noise + text[:-1000])
    found = {
        (hit.field, hit.place.split("/")[-1].split()[0]) for hit in search([tmp_path], [planted, absent])
    }
    assert found == {("planted", "whole")} | ({("planted", "cut")} if packed != "zip" else set())


def test_among_thousands_each_is_found_and_memory_stays_small(tmp_path: Path) -> None:
    many = [new_text(f"field {number}") for number in range(2_000)]
    with (tmp_path / "large").open("wb") as file:
        for marker in many[::100]:
            file.write(secrets.token_bytes(1024) * 1024 + str(marker.value).encode("utf-16-be"))
    tracemalloc.start()

    hits = search([tmp_path], many)

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert {hit.field for hit in hits} == {marker.field for marker in many[::100]}
    assert most < 5 * BLOCK, "a file is not held whole"


def test_a_file_name_counts(tmp_path: Path) -> None:
    marker = new_text("file name")
    (tmp_path / f"{marker.value}.png").write_bytes(b"")
    assert search([tmp_path], [marker])


@pytest.mark.parametrize("checkpointed", [True, False])
def test_a_plaintext_column_is_found_also_while_it_is_in_the_wal(checkpointed: bool, tmp_path: Path) -> None:
    marker = new_text("column")
    connection = sqlite3.connect(tmp_path / "ownlog.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE project (name TEXT)")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("INSERT INTO project VALUES (?)", [marker.value])
    if checkpointed:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert search([tmp_path], [marker])
    connection.close()


def test_a_value_spread_over_pages_or_packed_in_a_column_is_found(tmp_path: Path) -> None:
    spread, packed = new_text("spread"), new_text("packed")
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute("CREATE TABLE chunk (payload BLOB)")
    for shift in range(40):  # at one of these offsets a page ends within the marker
        connection.execute(
            "INSERT INTO chunk VALUES (?)", [b"." * (4040 + shift) + str(spread.value).encode()]
        )
    connection.execute("INSERT INTO chunk VALUES (?)", [zstandard.compress(str(packed.value).encode() * 20)])
    connection.commit()
    connection.close()
    found = search([tmp_path], [spread, packed])
    assert {"spread", "packed"} == {hit.field for hit in found}
