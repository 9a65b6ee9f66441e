"""Hostile names in a browser: on every page no script of theirs runs, nothing leaves its bounds, no text turns another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog

from apps.web.links import project_url, run_url
from tests.live import LiveServer
from tests.web import hostile, pages
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = IN_CHROMIUM

PROJECT = project_url(hostile.PERSON, hostile.PROJECT)
RUNS = {kind: run_url(hostile.PERSON, hostile.PROJECT, hostile.run_id(kind)) for kind in hostile.NAMES}
# Text that can run the other way, where it is not isolated and more text follows it in its block.
_TURNED = """() => {
  const controls = /[\\u202a-\\u202e\\u2066-\\u2069\\u200e\\u200f]/;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walk.nextNode()) {
    const { parentElement: parent, data } = walk.currentNode;
    if (!controls.test(data) || parent.closest("script, template, noscript, option, textarea")) continue;
    let box = parent;
    while (box && !getComputedStyle(box).unicodeBidi.includes("isolate") && getComputedStyle(box).display === "inline") box = box.parentElement;
    if (getComputedStyle(box).unicodeBidi.includes("isolate") && getComputedStyle(box).display === "inline") continue;
    const rest = document.createRange();
    rest.setStartAfter(walk.currentNode);
    rest.setEndAfter(box.lastChild);
    if (rest.toString().trim()) found.push(parent.outerHTML.slice(0, 160));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def hostile_world(server: LiveServer) -> LiveServer:
    server.python("-c", "import django; django.setup()\nfrom tests.web import hostile; hostile.make()")
    return server


def _pages() -> Iterator[str]:
    """Every page of a project or of a run, of the hostile ones; those that show names most of all, of each run."""
    for page in pages.PAGES:
        if page.startswith(pages.RUN):
            yield RUNS["turned"] + page.removeprefix(pages.RUN)
        elif page.startswith(pages.PROJECT) and "demo0003" not in page:
            yield PROJECT + page.removeprefix(pages.PROJECT)
    ids = [hostile.run_id(kind) for kind in hostile.NAMES]
    yield f"{PROJECT}/compare?all=1&runs={quote(','.join(ids))}"
    for kind, run in RUNS.items():
        yield run
        yield f"{run}/console"
        yield f"{run}/series/table?key={quote(hostile.NAMES[kind][:1500])}"
    yield "/"
    yield f"/{hostile.PERSON}"


def _faults(seen: Seen) -> Iterator[Any]:
    """What is wrong with the page that is shown, at its widest and at a phone's width."""
    yield from (*seen.complaints, *seen.asked_elsewhere)
    title = seen.page.title()
    if len(title) > 180 or re.search("[\u202a-\u202e\u2066-\u2069]", title):
        yield f"title {title[:40]!r}, {len(title)} letters"
    if seen.page.locator("[onerror], [onclick], [onmouseover], main img[src=x]").count():
        yield "an attribute or an element of theirs"
    for width in (390, 1440):
        seen.page.set_viewport_size({"width": width, "height": 900})
        yield from seen.page.evaluate(_TURNED)
        wide = seen.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            yield f"{wide} px wide at {width}"


def test_hostile_names_are_words_on_every_page(open_page: Any, hostile_world: LiveServer) -> None:
    seen: Seen = open_page()
    faults: dict[str, list[Any]] = {}
    ran: list[str] = []

    def note(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    seen.page.on("dialog", note)

    for path in _pages():
        seen.complaints.clear()
        seen.asked.clear()
        seen.go(path)
        if found := [*_faults(seen)]:
            faults[path[:120]] = found

    assert ran == []
    assert not faults, "\n".join(f"{path}: {found}" for path, found in faults.items())
