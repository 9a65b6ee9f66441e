"""The archive is one that everybody's programs open, however many pieces it was written in."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest

from apps.exports import names
from apps.exports.names import Paths, _key, folder, safe_path
from apps.exports.types import Entry, Member
from apps.exports.zipping import Piece, directory, moved

AT = datetime(2026, 2, 3, 4, 5, 7, tzinfo=UTC)


def archive_of(*pieces: list[Member]) -> bytes:
    data, entries = b"", list[Entry]()
    for members in pieces:
        piece, start = Piece(), len(data)
        data += b"".join(chain.from_iterable(map(piece.write, members)))
        entries += [moved(entry, start) for entry in piece.entries]
    return data + b"".join(directory(entries, len(data)))


def member(path: str, data: bytes, *, is_packed: bool = False) -> Member:
    return Member(path, lambda: [data[:3], data[3:]], AT, is_packed)


PIECES: tuple[list[Member], ...] = (
    [member("a.txt", b"a" * 1000), member("empty", b"")],
    [member("ä/本.bin", bytes(range(256)) * 9, is_packed=True)],
    [],
    [member("last", b"", is_packed=True)],
)


def test_pieces_make_one_archive_that_the_standard_library_opens() -> None:
    archive = zipfile.ZipFile(io.BytesIO(archive_of(*PIECES)))

    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == {
        "a.txt": b"a" * 1000,
        "empty": b"",
        "ä/本.bin": bytes(range(256)) * 9,
        "last": b"",
    }
    info = archive.getinfo("a.txt")
    assert (info.compress_type, info.date_time) == (zipfile.ZIP_DEFLATED, (2026, 2, 3, 4, 5, 6))
    assert info.compress_size < 100
    assert archive.getinfo("ä/本.bin").compress_type == zipfile.ZIP_STORED


@pytest.mark.skipif(shutil.which("unzip") is None, reason="Info-ZIP is not installed")
def test_other_programs_open_it(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes(archive_of(*PIECES))

    done = subprocess.run(["unzip", "-t", str(path)], capture_output=True, text=True, check=False)

    assert (done.returncode, "No errors detected" in done.stdout) == (0, True), done.stdout + done.stderr


def test_one_that_breaks_off_is_in_no_directory() -> None:
    def breaks() -> Iterator[bytes]:
        yield random.Random(1).randbytes(100_000)  # more than is packed before anything comes out
        raise OSError

    piece = Piece()
    data = b"".join(piece.write(member("before", b"1")))
    broken = piece.write(Member("broken", breaks, AT))
    data += next(broken) + next(broken)
    with pytest.raises(OSError):
        next(broken)
    data += b"".join(piece.write(member("after", b"2")))

    archive = zipfile.ZipFile(io.BytesIO(data + b"".join(directory(piece.entries, len(data)))))
    assert (archive.namelist(), archive.read("after"), archive.testzip()) == (["before", "after"], b"2", None)


def test_sizes_beyond_four_gigabytes_are_told_in_full() -> None:
    entry = Entry("big", 2**33, 2**34, 2**32 + 5, 7, "", is_deflated=False, moment=0x5A210000)

    archive = zipfile.ZipFile(io.BytesIO(b"".join(directory([entry], 0))))

    (info,) = archive.infolist()
    assert (info.file_size, info.compress_size, info.header_offset, info.CRC) == (2**34, 2**32 + 5, 2**33, 7)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\windows\\a", "C_/windows/a"),
        ("a/./b//c", "a/b/c"),
        ("..", "_"),
        ("aux.txt", "_aux.txt"),
        ("COM1", "_COM1"),
        ("a. ", "a"),
        ("x\u202egnp.exe", "x_gnp.exe"),
        ("nul\0.txt", "nul_.txt"),
        ("a" * 300 + ".tar.gz", "a" * 104 + "aaaaaaaaa.tar.gz"),
        ("本" * 100, "本" * 40),
    ],
)
def test_a_name_leads_nowhere_but_below_its_folder(name: str, path: str) -> None:
    assert safe_path(name) == path


def test_no_two_paths_meet_where_case_does_not_count() -> None:
    paths = Paths()

    given = [
        paths.give(name)
        for name in ("a.txt", "A.txt", "a~2.txt", "out/x", "out", "OUT/x", "b", "b/c", "É", "É")
    ]

    assert len({path.casefold() for path in given}) == len(given)
    assert given[:3] == ["a.txt", "A~2.txt", "a~2~2.txt"]
    files = {path.casefold() for path in given}
    assert not any("/".join(path.split("/")[:-1]) in files for path in files if "/" in path)


def test_thousands_of_names_that_differ_in_case_alone_cost_no_more_than_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0

    def counted(path: str) -> str:
        nonlocal looks
        looks += 1
        return _key(path)

    monkeypatch.setattr(names, "_key", counted)
    paths = Paths()

    given = [paths.give("out/a.txt" if n % 2 else "out/A.TXT") for n in range(1000)]

    assert len({path.casefold() for path in given}) == 1000
    assert (given[2], given[999]) == ("out/A~3.TXT", "out/a~1000.txt")
    assert looks < 20 * 1000


def test_a_folder_that_gave_way_to_a_file_stays_one_folder() -> None:
    paths = Paths()

    assert [paths.give(name) for name in ("a", "a/x", "a/y", "A/z", "a~2")] == [
        "a",
        "a~2/x",
        "a~2/y",
        "A~2/z",
        "a~2~2",
    ]


def test_a_folder_keeps_a_plain_name_and_marks_any_other() -> None:
    assert folder("run-1.b", "abcdefghijk") == "run-1.b"
    assert [folder(name, "abcdefghijk") for name in ("Run", "a/b", "con", "..", "")] == [
        "Run~abcdefgh",
        "a_b~abcdefgh",
        "_con~abcdefgh",
        "_~abcdefgh",
        "_~abcdefgh",
    ]
