from __future__ import annotations

from urllib.parse import quote

import pytest

from apps.files.services import announce_files, store_file
from apps.runs.models import Run
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision/runs/told/files"


def _store(run: Run, name: str, content: bytes) -> None:
    (announced,) = announce_files(run, [name])
    assert announced.file is not None
    store_file(announced.file, [content])


@pytest.mark.parametrize(
    "name", ["notes.txt", "deep/er/model.bin", "判例 1.html", "a'b\"c.txt", "per%20cent.svg"]
)
def test_a_file_comes_back_as_it_was(visit: Visit, told: Run, name: str) -> None:
    content = bytes(range(256)) * 700
    _store(told, name, content)
    address = f"{PAGE}/{quote(name, safe='')}"

    folder = name.rpartition("/")[0]
    assert address in visit(PAGE, by="vera", **{"in": folder}).content.decode()
    response = visit(address, by="vera")

    assert b"".join(response) == content
    assert response["Content-Length"] == str(len(content))


def test_a_file_is_handed_out_for_keeping_only(visit: Visit, told: Run) -> None:
    _store(told, "page.html", b"<script>alert(1)</script>")

    response = visit(f"{PAGE}/page.html", by="vera")

    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == 'attachment; filename="page.html"'
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "no-store"


def test_a_name_cannot_turn_its_own_end(visit: Visit, told: Run) -> None:
    name = "invoice\u202efdp.exe"
    _store(told, name, b"x")

    response = visit(f"{PAGE}/{quote(name, safe='')}", by="vera")

    assert "%E2%80%AE" not in response["Content-Disposition"]


@pytest.mark.parametrize(
    "name", ["nothing.txt", "../notes.txt", "%2e%2e%2fnotes.txt", "notes.txt%00", "x" * 5000]
)
def test_what_is_no_file_is_not_found(visit: Visit, told: Run, name: str) -> None:
    _store(told, "notes.txt", b"x")

    assert visit(f"{PAGE}/{name}", by="vera").status_code == 404


def test_a_list_names_size_and_digest(visit: Visit, told: Run) -> None:
    _store(told, "notes.txt", b"x" * 1500)

    words = text_of(visit(PAGE, by="vera"))

    assert "notes.txt 1.5 kB" in words
