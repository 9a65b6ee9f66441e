"""The bytes of media: parts as players ask for them, types by content, pages of others in a sandbox or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.runs.models import Run
from apps.web.previews import film_type
from apps.web.ranges import parts_of
from tests.web.media.conftest import Store

RUN = "/lab/vision/runs/kinds"
SOUND = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(range(256)) * 1200
Ask = Callable[..., Any]


@pytest.mark.parametrize(
    ("header", "parts"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=10-19", [(10, 20)]),
        ("bytes=90-", [(90, 100)]),
        ("bytes=90-500", [(90, 100)]),
        ("bytes=-10", [(90, 100)]),
        ("bytes=-500", [(0, 100)]),
        ("bytes=0-0,-1", [(0, 1), (99, 100)]),
        ("bytes= 0-1 , 5-6", [(0, 2), (5, 7)]),
        ("bytes=5-6,200-300", [(5, 7)]),
        # In no part of the file.
        ("bytes=100-", []),
        ("bytes=100-200,300-400", []),
        ("bytes=-0", []),
        # In no form that is one: the whole.
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=a-b", None),
        ("bytes=1-2-3", None),
        ("bytes=٣-٤", None),
        ("lines=1-2", None),
        # Overlapping, or many: what no player asks for.
        ("bytes=0-50,40-60", None),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 60, 2)), None),
    ],
)
def test_parts_asked_for(header: str, parts: list[tuple[int, int]] | None) -> None:
    assert parts_of(header, 100) == parts


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (SOUND[:16], "audio/wav"),
        (b"OggS" + b"\0" * 12, "audio/ogg"),
        (b"fLaC" + b"\0" * 12, "audio/flac"),
        (b"ID3\x04" + b"\0" * 12, "audio/mpeg"),
        (b"\xff\xfb" + b"\0" * 14, "audio/mpeg"),
        (b"\0\0\0\x18ftypM4A " + b"\0" * 4, "audio/mp4"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 4, "video/mp4"),
        (b"\x1aE\xdf\xa3" + b"\0" * 12, "video/webm"),
        (b"<script>alert(1)", None),
        (b"RIFF\0\0\0\0AVI LIST", None),
        (b"", None),
    ],
)
def test_sound_and_film_by_their_first_bytes(head: bytes, kind: str | None) -> None:
    assert film_type(head) == kind


@pytest.fixture
def ask(kinds: Run, store: Store) -> Ask:
    store(kinds, {"media/a.wav": SOUND, "media/page.html": b"<p>hello", "media/a.svg": b"<svg/>"})

    def go(path: str, *, by: str | None = "vera", method: str = "GET", **headers: str) -> Any:
        client = Client()
        if by:
            client.force_login(
                User.objects.get(username=by), backend="django.contrib.auth.backends.ModelBackend"
            )
        return client.generic(
            method, f"{RUN}/{path}", headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return go


def test_a_part_of_a_sound(ask: Ask) -> None:
    answer = ask("play/media/a.wav", Range="bytes=70000-70099")

    assert (answer.status_code, answer["Content-Type"]) == (206, "audio/wav")
    assert answer["Content-Range"] == f"bytes 70000-70099/{len(SOUND)}"
    assert answer["Content-Length"] == "100"
    assert b"".join(answer) == SOUND[70000:70100]


@pytest.mark.parametrize("path", ["play/media/a.wav", "files/media/a.wav", "image/media/a.wav"])
def test_every_way_to_the_bytes_says_that_it_serves_parts(ask: Ask, path: str) -> None:
    whole, part = ask(path), ask(path, Range="bytes=-5")

    assert (whole.status_code, whole["Accept-Ranges"]) == (200, "bytes")
    assert b"".join(whole) == SOUND
    assert (part.status_code, b"".join(part)) == (206, SOUND[-5:])


def test_several_parts(ask: Ask) -> None:
    answer = ask("play/media/a.wav", Range="bytes=0-3,66000-66009")

    body = b"".join(answer)
    assert answer.status_code == 206
    assert int(answer["Content-Length"]) == len(body)
    between = re.fullmatch(r"multipart/byteranges; boundary=(\w{32})", answer["Content-Type"])
    assert between is not None
    first, second = body.split(f"--{between[1]}".encode())[1:3]
    assert first.endswith(b"Content-Range: bytes 0-3/%d\r\n\r\nRIFF\r\n" % len(SOUND))
    assert second.removesuffix(b"\r\n").endswith(b"\r\n\r\n" + SOUND[66000:66010])
    assert body.endswith(f"--{between[1]}--\r\n".encode())


def test_no_such_part(ask: Ask) -> None:
    answer = ask("play/media/a.wav", Range=f"bytes={len(SOUND)}-")

    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(SOUND)}")
    assert answer.content == b""


def test_a_download_goes_on_only_with_the_same_file(ask: Ask, kinds: Run, store: Store) -> None:
    tag = ask("play/media/a.wav")["ETag"]

    same = ask("play/media/a.wav", Range="bytes=5-", If_Range=tag)
    store(kinds, {"media/a.wav": SOUND + b"more"})
    other = ask("play/media/a.wav", Range="bytes=5-", If_Range=tag)
    dated = ask("play/media/a.wav", Range="bytes=5-", If_Range="Fri, 27 Nov 2026 13:00:00 GMT")

    assert [each.status_code for each in (same, other, dated)] == [206, 200, 200]


def test_asking_for_the_head_alone_asks_for_the_whole(ask: Ask) -> None:
    answer = ask("play/media/a.wav", method="HEAD", Range="bytes=0-1")

    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(SOUND)))
    assert answer["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("query", "sandbox", "scripts"),
    # Never with allow-same-origin.
    [
        ("", "sandbox", "script-src 'none'"),
        ("?scripts=1", "sandbox allow-scripts", "script-src 'unsafe-inline'"),
    ],
)
def test_a_page_in_a_frame_has_an_origin_of_its_own(ask: Ask, query: str, sandbox: str, scripts: str) -> None:
    answer = ask(f"html/media/page.html{query}", Sec_Fetch_Dest="iframe")

    policy = answer["Content-Security-Policy"].split("; ")
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert {sandbox, scripts, "default-src 'none'", "connect-src 'none'", "form-action 'none'"} <= set(policy)
    assert "frame-ancestors 'self'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["Cache-Control"] == "no-store"
    assert b"".join(answer) == b"<p>hello"


@pytest.mark.parametrize("dest", ["document", "empty", "image", "object", "embed", ""])
def test_a_page_asked_for_otherwise_is_a_file_to_keep(ask: Ask, dest: str) -> None:
    answer = ask("html/media/page.html", Sec_Fetch_Dest=dest)

    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == 'attachment; filename="page.html"'
    assert answer["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize(
    "path", ["html/media/a.svg", "image/media/a.svg", "play/media/page.html", "html/media/a.wav"]
)
def test_nothing_else_is_a_document(ask: Ask, path: str) -> None:
    answer = ask(path, Sec_Fetch_Dest="iframe")

    assert answer["Content-Type"] in {"application/octet-stream", "audio/wav"}
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["html/media/page.html", "play/media/a.wav"])
def test_outsiders_find_no_bytes(ask: Ask, mallory: User, path: str) -> None:
    assert ask(path, by="mallory", Sec_Fetch_Dest="iframe").status_code == 404
    assert ask(path, by=None, Sec_Fetch_Dest="iframe").status_code in {302, 404}
