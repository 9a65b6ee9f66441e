from __future__ import annotations

import hashlib
import struct
import time
import zlib
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.blobs import sealed_file
from apps.files.services import announce_files, store_file
from apps.runs.models import Run
from apps.web.highlight import highlighted, language_of
from apps.web.previews import HEAD_BYTES, MOST_LINES, MOST_ROWS, image_type, preview_of
from tests.web.conftest import Visit, text_of

RUN = "/lab/vision/runs/told"
SCRIPT = b"<script>alert(1)</script>"


def png(width: int = 2, height: int = 2) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x20\x80\x60" * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def _store(run: Run, *files: tuple[str, bytes]) -> None:
    for name, content in files:
        (announced,) = announce_files(run, [name])
        assert announced.file is not None
        store_file(announced.file, [content])


def _preview(visit: Visit, name: str, by: str | None = "vera") -> Any:
    return visit(f"{RUN}/preview/{quote(name, safe='')}", by=by)


# ── What a file is taken for ──


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.png", png(), "image"),
        ("a.txt", b"\xff\xd8\xff\xe0", "image"),
        ("a", b"GIF89a..", "image"),
        ("a", b"RIFF\x10\0\0\0WEBPVP8 ", "image"),
        ("a.png", b"<html>" + SCRIPT, "code"),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>", "code"),
        ("a.wav", b"RIFF\x10\0\0\0WAVE\0\0", "none"),
        ("a.html", SCRIPT, "code"),
        ("a.json", b'{"a": [1, {"b": null}]}', "tree"),
        ("a.json", b"[1, 2]", "code"),
        ("a.json", b"{broken", "code"),
        ("a.json", b"[" * 50_000 + b"]" * 50_000, "code"),
        ("a.csv", b"a,b\n1,2\n", "table"),
        ("a.csv", b"one column\nonly\n", "code"),
        ("a.csv", b'a,b\n"' + b"x" * 200_000, "code"),
        ("a.tsv", b"a\tb\n1\t2\n", "table"),
        ("a.txt", "日本語\n".encode("utf-16"), "code"),
        ("a.bin", bytes(range(256)), "none"),
        ("a.txt", b"a\0b", "none"),
        ("a.txt", b"", "none"),
        ("a.pt", b"PK\x03\x04\xff\xff", "none"),
    ],
)
def test_a_file_is_what_its_bytes_are(name: str, head: bytes, kind: str) -> None:
    assert preview_of(name, head, size=len(head)).kind == kind


def test_no_preview_says_why() -> None:
    assert preview_of("a", b"", size=0).reason == "The file is empty."
    assert "NumPy" in preview_of("a.npy", b"\x93NUMPY\x01\0\xff", size=9).reason
    assert preview_of("a.png", png(), size=10**9).reason == "The image is too large to be shown here."
    assert preview_of("a", b"\xc3(\xff", size=3).reason == "The file is neither text nor an image."


def test_a_letter_that_the_end_of_the_head_cuts_is_left_out() -> None:
    head = "é".encode() * 4 + b"\xc3"

    assert preview_of("a.txt", head, size=100).lines[0].spans[0].text == "éééé"
    assert preview_of("a.txt", head, size=len(head)).kind == "none"


def test_previews_are_bounded() -> None:
    text = preview_of("a.py", b"x = 1\n" * (MOST_LINES + 1), size=10**9)
    table = preview_of("a.csv", b"a,b\n" + b"1,2\n" * (MOST_ROWS + 1), size=10**6)
    (long,) = preview_of("a.txt", b"y" * 100_000, size=100_000).lines

    assert (len(text.lines), text.is_part) == (MOST_LINES, True)
    assert (len(table.rows), table.is_part) == (MOST_ROWS, True)
    assert long.is_cut and len(long.spans[0].text) == 2000


def test_source_is_coloured() -> None:
    lines = highlighted("def f(x):\n    return 'a' # b\n", "python")

    assert [(span.text, span.classes) for span in lines[0]][:3] == [("def", "f5"), (" ", ""), ("f", "f4")]
    assert "".join(span.text for span in lines[1] if span.classes == "f2") == "'a'"
    assert lines[1][-1].text == "# b" and lines[1][-1].classes == "dim"
    assert lines[2] == []


@pytest.mark.parametrize(
    ("name", "language"),
    [("a.py", "python"), ("x/Dockerfile", "docker"), ("A.YML", "yaml"), ("noending", ""), ("a.xyz", "")],
)
def test_the_language_is_that_of_the_name(name: str, language: str) -> None:
    assert language_of(name) == language


def test_every_language_has_a_lexer() -> None:
    from apps.web import highlight

    for language in {*highlight._LEXERS, *highlight._BY_NAME.values()}:
        assert highlighted("a <b> 1 # 'c'\n\n", language)[1] == []


def test_text_stays_what_it_was_when_it_is_coloured() -> None:
    source = '\n\n  é = {\'a\': 1}\r\n\tbroken (((\n"""unclosed\n'

    lines = highlighted(source.replace("\r\n", "\n"), "python")

    assert "\n".join("".join(span.text for span in line) for line in lines) == source.replace("\r\n", "\n")


@pytest.mark.parametrize(
    "piece", ["(", "\"'", "/*", "<", "{{", "x.", "\\", "`", "#", "=*", "[](", "- ", "0_"]
)
def test_hostile_source_takes_no_longer_than_other_text(piece: str) -> None:
    text = "\n".join([piece * (1900 // len(piece))] * 120)
    for language in ("python", "markdown", "html", "yaml"):
        began = time.process_time()

        highlighted(text, language)

        assert time.process_time() - began < 3


# ── On the page ──


def test_wandbs_own_files_are_previewed(visit: Visit, told: Run) -> None:
    _store(
        told,
        ("config.yaml", b"lr:\n    value: 0.1\n"),
        ("wandb-metadata.json", b'{"os": "Linux", "gpu_nvidia": [{"name": "H100"}]}'),
        ("wandb-summary.json", b'{"loss": NaN}'),
        ("requirements.txt", b"torch==2.3.0\n"),
        ("output.log", b"\x1b[31mred\x1b[0m\n10%\r99%\n"),
    )

    assert '<span class="f4">lr</span>' in _preview(visit, "config.yaml").content.decode()
    assert "gpu_nvidia [0] name H100 os Linux" in text_of(_preview(visit, "wandb-metadata.json"))
    assert "loss NaN" in text_of(_preview(visit, "wandb-summary.json"))
    assert "torch==2.3.0" in text_of(_preview(visit, "requirements.txt"))
    log = _preview(visit, "output.log").content.decode()
    assert '<span class="f1">red</span>' in log and "99%" in log and "10%" not in log


def test_a_page_says_what_file_it_is(visit: Visit, told: Run) -> None:
    _store(told, ("deep/er/notes.txt", b"x" * 1500))

    page = _preview(visit, "deep/er/notes.txt")

    words = text_of(page)
    assert "Files deep er notes.txt" in words
    assert "Size 1.5 kB" in words
    assert f"SHA-256 {hashlib.sha256(b'x' * 1500).hexdigest()}" in words
    assert f'href="{RUN}/files?in=deep/er"' in page.content.decode().replace("%2F", "/")
    assert f'href="{RUN}/files/deep%2Fer%2Fnotes.txt" download' in page.content.decode()


def test_only_the_head_of_a_large_file_is_opened(
    visit: Visit, told: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    _store(told, ("large.txt", b"0123456789abcdef\n" * 300_000))
    opened: list[int] = []
    open_batch = sealed_file.SealedFile._open_batch

    def note(file: sealed_file.SealedFile, stored: bytearray, number: int, frames: int) -> bytes:
        opened.append(frames)
        return open_batch(file, stored, number, frames)

    monkeypatch.setattr(sealed_file.SealedFile, "_open_batch", note)
    words = text_of(_preview(visit, "large.txt"))

    assert sum(opened) == HEAD_BYTES // sealed_file.FRAME_BYTES
    assert "of the first 1.0 MB of 5.1 MB" in words


def test_marks_that_turn_text_are_written_out(visit: Visit, told: Run) -> None:
    _store(told, ("a.py", "x = '\u202e\u2066admin' # \x07\n".encode()))

    page = _preview(visit, "a.py").content.decode()

    assert '<span class="g-ink">U+202E</span><span class="g-ink">U+2066</span>' in page
    assert "\u202e" not in page and "\x07" not in page


@pytest.mark.parametrize("name", ["<b>x<i>.txt", "\u202egnp.exe", "a'b\"c.md", "%2e%2e.txt", "?in=x&q=#.txt"])
def test_hostile_names_are_harmless(visit: Visit, told: Run, name: str) -> None:
    _store(told, (f"{name}/{name}", b"content of it"))

    page = _preview(visit, f"{name}/{name}")
    folder = visit(f"{RUN}/files", by="vera", **{"in": name})

    assert "content of it" in text_of(page)
    assert f"{RUN}/preview/{quote(f'{name}/{name}', safe='')}" in folder.content.decode()
    assert "<b>x" not in page.content.decode() + folder.content.decode()


# ── Images ──


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (png(), "image/png"),
        (b"GIF89a" + SCRIPT, "image/gif"),
        (b"\xff\xd8\xff" + SCRIPT, "image/jpeg"),
    ],
)
def test_an_image_is_served_as_what_it_is_and_only_to_be_embedded(
    visit: Visit, told: Run, content: bytes, kind: str
) -> None:
    _store(told, ("page.html", content))

    response = visit(f"{RUN}/image/page.html", by="vera")

    assert b"".join(response) == content
    assert response["Content-Type"] == kind
    assert response["Content-Disposition"] == 'attachment; filename="page.html"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert f'<img src="{RUN}/image/page.html"' in _preview(visit, "page.html").content.decode()


@pytest.mark.parametrize(
    "content",
    [SCRIPT, b"<svg onload='alert(1)'/>", b"", b"x\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WAVE", b"%PDF-1.4"],
)
def test_what_is_no_image_has_no_type(visit: Visit, told: Run, content: bytes) -> None:
    _store(told, ("a.png", content))

    assert image_type(content) is None
    assert visit(f"{RUN}/image/a.png", by="vera")["Content-Type"] == "application/octet-stream"
    assert "<img" not in _preview(visit, "a.png").content.decode()


@pytest.mark.parametrize("part", ["files", "files?in=a", "preview/a.png", "image/a.png"])
def test_outsiders_find_nothing(visit: Visit, told: Run, mallory: User, part: str) -> None:
    _store(told, ("a.png", png()))

    for by in ("mallory", None):
        assert visit(f"{RUN}/{part}", by=by).status_code == 404
    assert visit(f"{RUN}/{part}", by="vera").status_code == 200
    assert visit(f"{RUN}/preview/none", by="vera").status_code == 404


# ── Folders ──


def test_folders_come_first_with_what_is_below_them(visit: Visit, told: Run) -> None:
    _store(
        told,
        ("b.txt", b"x" * 10),
        ("media/images/1.png", b"x" * 1000),
        ("media/images/2.png", b"x" * 1000),
        ("media/a.txt", b""),
        ("a//b.txt", b""),
    )

    top, images = visit(f"{RUN}/files", by="vera"), visit(f"{RUN}/files", by="vera", **{"in": "media/images"})

    assert "a 0 B 1 file media 2.0 kB 3 files b.txt 10 B" in text_of(top)
    assert "Files media images" in text_of(images)
    assert "1.png 1.0 kB" in text_of(images) and "b.txt" not in text_of(images)
    assert "b.txt 0 B" in text_of(visit(f"{RUN}/files", by="vera", **{"in": "a/"}))
    assert "There is nothing in this folder." in text_of(visit(f"{RUN}/files", by="vera", **{"in": "no"}))


def test_files_are_found_by_their_path(visit: Visit, told: Run) -> None:
    _store(told, ("media/Images/1.png", b""), ("b.txt", b""))

    words = text_of(visit(f"{RUN}/files", by="vera", q="images"))

    assert "media/Images/1.png" in words and "b.txt" not in words


def test_many_files_in_pages_and_few_questions(
    visit: Visit, told: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.web.views.files.PAGE", 10)
    _store(told, *[(f"many/{number:04}.txt", b"x") for number in range(25)])

    with CaptureQueriesContext(connection) as asked:
        last = visit(f"{RUN}/files", by="vera", page="2", **{"in": "many"})

    assert "21 to 25 of 25" in text_of(last)
    assert last.content.decode().count('<tr><th scope="row">') == 5
    assert len(asked) < 40  # sign-in included
