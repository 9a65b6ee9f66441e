"""Hostile files in a real browser: what they hold is shown, and nothing of it runs."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Error, Page, expect

from tests.live import LiveServer
from tests.web.in_chromium import IN_CHROMIUM
from tests.web.test_file_preview import png

pytestmark = IN_CHROMIUM

RUN = "/alice/vision/runs/filed"
_SCRIPT = b"<script>window.ran = true; document.title = 'ran'; fetch('/ran')</script>"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="window.ran = true"><script>window.ran = true</script></svg>'
FILES = {
    "plot.png": png(60, 40),
    "page.html": b"<!doctype html><h1>hi</h1>" + _SCRIPT,
    "page.png": b"<!doctype html><h1>hi</h1>" + _SCRIPT,
    "drawing.svg": _SVG,
    "drawing.jpg": _SVG,
    # Images that are pages as well, for a browser that would guess.
    "both.html": png(2, 2) + _SCRIPT,
    "both.gif": b"GIF89a/*" + b"\0" * 8 + b"*/=1;" + _SCRIPT,
    "both.svg": b"\xff\xd8\xff" + _SVG,
    "table.csv": b"a,b\n" + _SCRIPT.replace(b",", b";") + b",<img src=x onerror='window.ran=true'>\n",
    "tree.json": b'{"<img src=x onerror=window.ran=true>": "<script>window.ran=true</script>"}',
    "notes.md": b"[x](javascript:window.ran=true) <img src=x onerror='window.ran=true'>\n",
    "log.txt": b"\x1b[31m<img src=x onerror='window.ran=true'>\x1b[0m\x1b]8;;javascript:window.ran=true\x07x\n",
    "<img src=x onerror=window.ran=true>.txt": b"x",
}
_SET_UP = """
import base64, sys
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.files.services import announce_files, store_file
from apps.projects.services import get_or_create_project
from apps.runs.services import start_run
from apps.runs.types import RunPatch

actor = Actor.person(User.objects.get(username="alice"))
place = get_or_create_project(actor, entity="alice", name="vision")
run = start_run(place, name="filed", by=actor, patch=RunPatch(display_name="filed"))[0].run
for name, content in FILES.items():
    (announced,) = announce_files(run, [name])
    store_file(announced.file, [base64.b64decode(content)])
"""


@pytest.fixture(scope="module")
def filed(server: LiveServer) -> LiveServer:
    encoded = {name: base64.b64encode(content).decode() for name, content in FILES.items()}
    server.python("-c", f"FILES = {encoded!r}\n{_SET_UP}")
    return server


def _at(part: str, name: str) -> str:
    return f"{RUN}/{part}/{quote(name, safe='')}"


@pytest.mark.parametrize("name", FILES)
def test_nothing_of_a_file_runs_in_its_preview(open_page: Any, filed: LiveServer, name: str) -> None:
    seen = open_page()

    seen.go(_at("preview", name))

    assert seen.page.evaluate("window.ran") is None
    assert seen.page.locator("main [onload], main [onerror], main svg script, main script").count() == 0
    assert [url for url in seen.asked if url.endswith(("/ran", "/x"))] == []
    # Bytes that only begin like an image cannot be drawn, and that is all that happens.
    assert seen.complaints == []
    assert seen.asked_elsewhere == []


def test_an_image_is_drawn(open_page: Any, filed: LiveServer) -> None:
    seen = open_page()

    seen.go(_at("preview", "plot.png"))

    drawn = seen.page.locator("main img")
    expect(drawn).to_be_visible()
    assert drawn.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [60, 40]


@pytest.mark.parametrize(
    "name", ["page.png", "drawing.svg", "drawing.jpg", "both.html", "both.gif", "both.svg"]
)
@pytest.mark.parametrize("part", ["image", "files"])
def test_a_file_that_is_opened_by_itself_is_kept(
    open_page: Any, filed: LiveServer, part: str, name: str
) -> None:
    seen = open_page()
    page = seen.page
    seen.go("/")

    outcome = _outcome_of(page, seen.url + _at(part, name))

    assert "Download is starting" in outcome or "ERR_ABORTED" in outcome
    assert page.evaluate("window.ran") is None
    assert page.title() != "ran"


def _outcome_of(page: Page, url: str) -> str:
    try:
        page.goto(url)
    except Error as error:  # the browser says that a download began
        return str(error)
    return "shown"


def test_an_image_can_be_no_script_frame_or_object(open_page: Any, filed: LiveServer) -> None:
    seen = open_page()
    seen.go(_at("preview", "plot.png"))

    outcome = seen.page.evaluate(
        """async (url) => {
          const made = (tag, name) => new Promise((done) => {
            const element = document.createElement(tag);
            element.onload = () => done("loaded");
            element.onerror = () => done("refused");
            element[name] = url;
            document.body.append(element);
            setTimeout(() => done("refused"), 1500);
          });
          return [await made("script", "src"), window.ran ?? null];
        }""",
        _at("image", "both.gif"),
    )

    assert outcome == ["refused", None]


def test_folders_and_the_search_lead_to_a_preview(open_page: Any, filed: LiveServer) -> None:
    seen = open_page(java_script_enabled=False)
    seen.go(f"{RUN}/files")

    seen.page.fill(".files-bar input[name=q]", "TREE")
    seen.page.press(".files-bar input[name=q]", "Enter")
    seen.page.get_by_role("link", name="tree.json", exact=True).click()

    expect(seen.page.locator(".json")).to_contain_text("<script>window.ran=true</script>")
