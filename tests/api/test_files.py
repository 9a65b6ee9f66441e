"""…/runs/{run}/files and each file there"""

from __future__ import annotations

import base64
import hashlib

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.runs.models import Run
from tests.api.conftest import LADDER, RUN, WRITERS, Ask

FILES = f"{RUN}/files"
NAME = f"{FILES}/media/a%20file.txt"
BODY = b"0123456789"
BYTES = "application/octet-stream"


@pytest.fixture
def stored(ask: Ask, told: Run) -> None:
    assert ask("PUT", NAME, BODY, by="bob", Content_Type=BYTES).status == 201


@pytest.mark.parametrize(("who", "status"), LADDER)
@pytest.mark.parametrize("url", [FILES, NAME])
def test_who_reads_files(ask: Ask, stored: None, url: str, who: str | None, status: int) -> None:
    assert ask("GET", url, by=who).status == status


@pytest.mark.parametrize(("who", "status"), WRITERS)
def test_who_writes_files(ask: Ask, stored: None, who: str | None, status: int) -> None:
    assert ask("PUT", NAME, b"new", by=who, Content_Type=BYTES).status == status


def test_a_file_comes_back(ask: Ask, stored: None) -> None:
    answer = ask("GET", NAME, by="vera")

    assert answer.body == BODY
    assert answer.headers["Content-Type"] == BYTES
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a file.txt"'
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_the_list(ask: Ask, stored: None) -> None:
    (one,) = ask("GET", FILES, by="vera").json["items"]

    assert (one["name"], one["size"]) == ("media/a file.txt", 10)
    assert one["md5_base64"] == base64.b64encode(hashlib.md5(BODY).digest()).decode()
    assert one["sha256_hex"] == "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"


def test_pages_of_files(ask: Ask, stored: None) -> None:
    for name in ("b.txt", "c.txt"):
        ask("PUT", f"{FILES}/{name}", b"x", by="bob", Content_Type=BYTES)

    first = ask("GET", f"{FILES}?limit=2", by="vera").json
    second = ask("GET", f"{FILES}?limit=2&cursor={first['next']}", by="vera").json

    assert [each["name"] for each in first["items"] + second["items"]] == [
        "b.txt",
        "c.txt",
        "media/a file.txt",
    ]
    assert second["next"] is None


@pytest.mark.parametrize("more", [0, 2])
def test_the_list_asks_a_constant_number_of_questions(ask: Ask, stored: None, more: int) -> None:
    for number in range(more):
        ask("PUT", f"{FILES}/{number}", b"x", by="bob", Content_Type=BYTES)
    ask("GET", FILES, by="bob")

    with CaptureQueriesContext(connections["default"]) as asked:
        assert ask("GET", FILES, by="bob").json["total"] == 1 + more

    assert len(asked) == 6


@pytest.mark.parametrize(
    ("asked", "status", "body", "place"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-99", 200, BODY, None),
        ("lines=1-2", 200, BODY, None),
        ("bytes=10-", 416, None, "bytes */10"),
    ],
)
def test_a_part_of_a_file(
    ask: Ask, stored: None, asked: str, status: int, body: bytes | None, place: str | None
) -> None:
    answer = ask("GET", NAME, by="vera", Range=asked)

    assert (answer.status, answer.headers.get("Content-Range")) == (status, place)
    assert body is None or answer.body == body


def test_a_file_is_replaced(ask: Ask, stored: None) -> None:
    assert ask("PUT", NAME, b"new", by="bob", Content_Type=BYTES).status == 200
    assert ask("GET", NAME, by="vera").body == b"new"


@pytest.mark.parametrize("name", ["code/train.py", "diff.patch", "notebook.ipynb"])
def test_code_is_not_kept(ask: Ask, told: Run, name: str) -> None:
    answer = ask("PUT", f"{FILES}/{name}", b"import os", by="alice", Content_Type=BYTES)

    assert (answer.status, answer.json["code"]) == (403, "code_not_kept")
    assert ask("GET", f"{FILES}/{name}", by="alice").status == 404


@pytest.mark.parametrize("name", ["a/../b", "a%00b", "a" * 1025])
def test_a_name_that_leads_elsewhere_is_refused(ask: Ask, told: Run, name: str) -> None:
    assert ask("PUT", f"{FILES}/{name}", b"x", by="bob", Content_Type=BYTES).status == 400


def test_an_upload_tells_its_length(ask: Ask, told: Run) -> None:
    assert ask("PUT", NAME, by="bob", Content_Type=BYTES).status == 411
