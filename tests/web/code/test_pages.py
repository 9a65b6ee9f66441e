"""The Code tab: what is kept of a run's code, shown and handed out, and nothing of it runs."""

from __future__ import annotations

import io
import json
import zipfile
from urllib.parse import quote

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.files.code import code_files
from apps.files.models import RunFile
from apps.files.services import announce_files, store_file
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.web.code.source import PAGE_LINES
from tests.web.conftest import Visit, text_of

RUN = "/lab/vision/runs/told"
PAGE = f"{RUN}/code"
HOSTILE = "<script>alert(1)</script>\u202ex"
PATCH = """diff --git a/a.py b/a.py
index 1..2 100644
--- a/a.py
+++ b/a.py
@@ -10,3 +10,3 @@ def f():
 same
--- a removed line that looks like a head
+added <b>
 end
diff --git a/pic.png b/pic.png
Binary files a/pic.png and b/pic.png differ
"""
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": ["# Title\n", HOSTILE]},
        {
            "cell_type": "code",
            "execution_count": 7,
            "source": "print(1)",
            "outputs": [
                {"output_type": "stream", "text": ["printed\n"]},
                {"output_type": "display_data", "data": {"text/html": "<img src=x onerror=alert(1)>"}},
                {"output_type": "error", "traceback": ["\u001b[31mBoom\u001b[0m"]},
            ],
        },
        "no cell",
    ]
}


@pytest.fixture
def saving(lab: Entity, alice: User) -> None:
    choose(lab, SettingName.CODE_SAVING, True, by=Actor.person(alice))


def keep(run: Run, **files: bytes) -> None:
    for name, content in files.items():
        (announced,) = announce_files(run, [name])
        assert announced.file is not None
        store_file(announced.file, [content])


def body_of(visit: Visit, name: str = "", **query: str) -> str:
    asked = {"file": name} if name else {}
    return visit(PAGE, by="vera", **asked, **query).content.decode()


def test_without_code_there_is_no_tab_and_the_page_says_where_to_switch_it_on(
    visit: Visit, told: Run
) -> None:
    keep(told, **{"notes.py": b"x"})

    assert f'href="{PAGE}"' not in visit(RUN, by="vera").content.decode()
    words = text_of(visit(PAGE, by="vera"))
    assert "Commit 9f31c0a" in words
    assert "nothing but the commit is kept. Only admins of the team lab can switch code saving on." in words
    assert zipfile.ZipFile(io.BytesIO(b"".join(visit(f"{PAGE}/zip", by="vera")))).namelist() == []


@pytest.mark.promise("P-05")
def test_the_tab_has_the_tree_the_main_file_and_the_facts(visit: Visit, told: Run, saving: None) -> None:
    keep(told, **{"code/pkg/model.py": b"class A: ...\n", "code/train.py": b"def f():\n    return 1\n"})
    keep(told, **{"diff.patch": PATCH.encode(), "notes.txt": b"no code"})

    assert f'<a href="{PAGE}">Code <span class="n">3</span></a>' in visit(RUN, by="vera").content.decode()
    page = body_of(visit, "code/train.py")
    for name in ("code/train.py", "code/pkg/model.py", "diff.patch"):
        assert f'href="{PAGE}?file={quote(name, safe="")}"' in page
    assert "notes.txt" not in page
    assert '<span class="line" id="L2"><a class="no" href="#L2" aria-label="Line 2">2</a>' in page
    assert '<span class="f5">def</span>' in page
    assert 'aria-current="true"' in page
    overview = text_of(visit(RUN, by="vera"))
    assert "Code saving was on: 3 files of code are kept." in overview
    assert "Not stored" not in overview


def test_what_is_code_is_found_among_files_from_before_it_was_noted(
    visit: Visit, told: Run, saving: None
) -> None:
    keep(told, **{"code/train.py": b"x", "notes.txt": b"x"})
    RunFile.objects.update(is_code=None)

    assert [each.name for each in code_files(told)] == ["code/train.py"]
    RunFile.objects.update(is_code=None)
    assert f'<a href="{PAGE}">Code <span class="n">1</span></a>' in visit(RUN, by="vera").content.decode()


def test_a_long_file_comes_in_pages(visit: Visit, told: Run, saving: None) -> None:
    lines = [f"x = {n}" for n in range(1, 3 * PAGE_LINES)]
    keep(told, **{"code/long.py": "\n".join(lines).encode()})

    second = body_of(visit, "code/long.py", page="1")
    assert ('id="L1001"' in second, 'id="L2000"' in second, 'id="L2001"' in second) == (True, True, False)
    assert 'page=2">Later</a>' in second
    assert '?file=code%2Flong.py">Earlier</a>' in second
    assert "has no such page" in body_of(visit, "code/long.py", page="7")
    assert "Later" not in body_of(visit, "code/long.py", page="2")


def test_a_line_without_end_and_a_binary_file_are_told_apart(visit: Visit, told: Run, saving: None) -> None:
    keep(
        told,
        **{"code/min.js": b"a" * 3_000_000, "code/lib.so": b"\x7fELF" + bytes(2000), "code/empty.py": b""},
    )

    long = body_of(visit, "code/min.js")
    assert len(long) < 100_000
    assert "Not all of the file is shown here." in long
    assert "not shown here: ELF" in body_of(visit, "code/lib.so")
    assert "The file is empty." in body_of(visit, "code/empty.py")


def test_a_patch_is_shown_file_by_file(visit: Visit, told: Run, saving: None) -> None:
    keep(told, **{"diff.patch": PATCH.encode(), "sub/odd.patch": b"no patch at all\n@@ -1 +1 @@\n"})

    page = body_of(visit, "diff.patch")
    assert '<bdi class="mono" title="a.py">a.py</bdi> <span class="plus">+1</span>' in page
    assert '<span class="minus">−1</span>' in page
    assert "-- a removed line that looks like a head" in page
    assert (
        'class="line added"><span class="no" aria-hidden="true"></span><span class="no" aria-hidden="true">11'
        in page
    )
    assert ("added &lt;b&gt;" in text_of(visit(PAGE, by="vera", file="diff.patch")), "<b>" in page) == (
        True,
        False,
    )
    assert "Binary files a/pic.png and b/pic.png differ" in page
    assert '<span class="line" id="L1">' in body_of(visit, "diff.patch", **{"as": "text"})
    assert visit(PAGE, by="vera", file="sub/odd.patch").status_code == 200


def test_a_notebook_is_its_cells_and_no_html(visit: Visit, told: Run, saving: None) -> None:
    keep(told, **{"code/look.ipynb": json.dumps(NOTEBOOK).encode(), "code/bad.ipynb": b"{"})

    page = body_of(visit, "code/look.ipynb")
    words = text_of(visit(PAGE, by="vera", file="code/look.ipynb"))
    assert "Code [7]" in words
    assert "printed" in words
    assert "Boom" in words
    assert "Not shown: text/html." in words
    assert ("<img" in page, "onerror" in page, "<script>alert" in page) == (False, False, False)
    assert "U+202E" in page
    assert '<span class="line" id="L1">' in body_of(visit, "code/bad.ipynb")


@pytest.mark.parametrize(
    "content", [b"[]", b'{"cells": 7}', b'{"cells": [{"source": 5, "outputs": [1, {}]}]}']
)
def test_what_is_hardly_a_notebook_is_harmless(visit: Visit, told: Run, saving: None, content: bytes) -> None:
    keep(told, **{"code/odd.ipynb": content})

    assert visit(PAGE, by="vera", file="code/odd.ipynb").status_code == 200


def test_all_of_it_comes_as_one_archive_with_harmless_names(visit: Visit, told: Run, saving: None) -> None:
    big = bytes(range(256)) * 20_000
    names = {"code/a.py": b"1", "code\\A.py": b"2", "code/b\u202e.py": big, "./code//c.py": b"3"}
    keep(told, **names)

    answer = visit(f"{PAGE}/zip", by="vera")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer)))

    assert archive.testzip() is None
    assert set(archive.namelist()) == {"code/a.py", "code/A.py (2)", "code/b_.py", "code/c.py"}
    assert archive.read("code/b_.py") == big
    assert answer["Content-Disposition"] == 'attachment; filename="told-code.zip"'
    assert answer["Content-Type"] == "application/zip"


@pytest.mark.parametrize("name", ["code/nothing.py", "notes.txt", "../x", "x" * 5000, "code/\x00"])
def test_what_is_no_code_of_the_run_is_not_found(visit: Visit, told: Run, saving: None, name: str) -> None:
    keep(told, **{"notes.txt": b"x", "code/a.py": b"x"})

    assert visit(PAGE, by="vera", file=name).status_code == 404
    assert visit(PAGE, by="vera", file="code/a.py", page="9" * 40).status_code == 200


def test_outsiders_are_told_nothing(visit: Visit, told: Run, saving: None, mallory: User) -> None:
    keep(told, **{"code/a.py": b"x"})

    for who in ("mallory", None):
        assert [visit(url, by=who).status_code for url in (PAGE, f"{PAGE}/zip")] == [404, 404]
