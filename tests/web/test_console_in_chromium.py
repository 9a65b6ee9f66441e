"""The console in a real browser, over a log of a hundred thousand lines: what is in sight, jumps, searches, following."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.live import LiveServer
from tests.web.in_chromium import IN_CHROMIUM

pytestmark = IN_CHROMIUM

LINES = 100_000
PAGE = "/alice/vision/runs/long/console"
_SET_UP = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.services import get_or_create_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import start_run
from apps.runs.types import Lines, RunPatch, Stream, StreamRequest

actor = Actor.person(User.objects.get(username="alice"))
place = get_or_create_project(actor, entity="alice", name="vision")

def said(n):
    if n % 1000 == 7:
        return f"ERROR 2026-11-23T06:00:00.000001 \\x1b[33mwarning\\x1b[0m in line {n + 1}"
    return f"2026-11-23T06:00:00.000001 step {n + 1} <b>\\x1b[1;32mgood\\x1b[0m</b>"

def write(run, first, lines, **more):
    store.append(run, StreamRequest(streams={Stream.OUTPUT: Lines(first, lines)}, **more))
"""
_LONG = f"""
run = start_run(place, name="long", by=actor, patch=RunPatch(display_name="long"))[0].run
for first in range(0, {LINES}, 10_000):
    write(run, first, [said(n) for n in range(first, first + 10_000)])
write(run, 0, [said(0)], is_complete=True, exit_code=0)
store.compact(run)
"""


@pytest.fixture(scope="module")
def long_log(server: LiveServer) -> LiveServer:
    server.python("-c", _SET_UP + _LONG)
    return server


def _say(server: LiveServer, name: str, first: int, lines: list[str], more: str = "") -> None:
    start = f"run = start_run(place, name={name!r}, by=actor, patch=RunPatch())[0].run\n"
    server.python("-c", f"{_SET_UP}{start}write(run, {first}, {lines!r}{more})")


def _in_sight(page: Page) -> list[int]:
    """Numbers of the lines that one sees."""
    numbers: list[int] = page.evaluate(
        """() => {
          const pane = document.querySelector("pre.console").getBoundingClientRect();
          const seen = (line) => {
            const { top, bottom } = line.getBoundingClientRect();
            return bottom > pane.top && top < pane.bottom;
          };
          return [...document.querySelectorAll(".line:not(.coming)")].filter(seen).map((l) => Number(l.dataset.line));
        }"""
    )
    return numbers


def test_only_lines_in_sight_are_in_the_page(open_page: Any, long_log: LiveServer) -> None:
    seen = open_page()
    seen.go(PAGE)
    page = seen.page
    expect(page.locator(f"#L{LINES}")).to_be_visible()
    assert page.locator(".line").count() < 150
    asked = len([url for url in seen.asked if "/console/lines" in url])

    page.locator("pre.console").evaluate("pane => { pane.scrollTop = pane.scrollHeight / 2; }")
    expect(page.locator("#L50001")).to_be_visible()
    page.locator("pre.console").evaluate("pane => { pane.scrollTop = 0; }")
    expect(page.locator("#L1")).to_be_visible()

    assert page.locator(".line").count() < 150
    assert page.locator("pre.console").evaluate("pane => pane.scrollHeight") >= LINES * 20
    assert len([url for url in seen.asked if "/console/lines" in url]) - asked <= 4
    assert page.locator("#L1 .f2.bold").inner_text() == "good"
    assert page.locator("#L1 b").count() == 0
    assert seen.complaints == []
    assert seen.asked_elsewhere == []


def test_an_address_leads_to_its_line(open_page: Any, long_log: LiveServer) -> None:
    seen = open_page()
    page = seen.page
    seen.go(f"{PAGE}#L54321")
    expect(page.locator("#L54321.at")).to_be_visible()

    page.fill("[data-console-jump] input", "77")
    page.press("[data-console-jump] input", "Enter")
    expect(page.locator("#L77.at")).to_be_visible()
    assert page.url.endswith("/console#L77")

    page.locator("#L80 a.no").click()
    assert page.url.endswith("/console#L80")
    assert 80 in _in_sight(page)


def test_search_goes_from_hit_to_hit(open_page: Any, long_log: LiveServer) -> None:
    seen = open_page()
    page = seen.page
    seen.go(f"{PAGE}#L50000")
    field, said = page.locator(".console-bar input[name=q]"), page.locator("[data-hits] output")

    field.fill("WARNING")
    expect(said).to_have_text("51 of 100")
    expect(page.locator("#L50008.at .hit")).to_have_text("warning")
    field.press("Enter")
    expect(page.locator("#L51008.at")).to_be_visible()
    field.press("Shift+Enter")
    field.press("Shift+Enter")
    expect(said).to_have_text("50 of 100")
    expect(page.locator("#L49008.at")).to_be_visible()

    field.fill("line 1?008$")
    expect(said).to_have_text("nothing found")
    page.check("input[name=pattern]")
    expect(said).to_have_text("1 of 1")
    field.fill("(")
    expect(page.locator("[data-reason]")).to_contain_text("RE2")
    assert seen.complaints == []


def test_only_what_went_to_stderr(open_page: Any, long_log: LiveServer) -> None:
    seen = open_page()
    seen.go(PAGE)
    page = seen.page

    page.check("input[name=only]")

    expect(page.locator("#L99008")).to_be_visible()
    page.locator("pre.console").evaluate("pane => { pane.scrollTop = 0; }")
    expect(page.locator("#L8")).to_be_visible()
    assert _in_sight(page)[:3] == [8, 1008, 2008]
    page.uncheck("input[name=only]")
    expect(page.locator("#L9")).to_be_visible()


def test_times_are_hidden(open_page: Any, long_log: LiveServer) -> None:
    seen = open_page()
    seen.go(PAGE)
    expect(seen.page.locator(f"#L{LINES} time")).to_be_visible()

    seen.page.check("input[name=times]")

    expect(seen.page.locator(f"#L{LINES} time")).to_be_hidden()


def test_following_a_run_that_goes_on(open_page: Any, server: LiveServer) -> None:
    first = [f"line {number}" for number in range(1, 201)]
    _say(server, "going", 0, [*first, "bar 10%"])
    seen = open_page(height=600)
    page = seen.page
    page.clock.install()  # it runs on by itself, and is turned on where nothing may happen
    seen.go("/alice/vision/runs/going/console")
    follow = page.locator("[data-follow]")
    expect(page.locator("#L201")).to_have_text("201bar 10%")
    expect(follow).to_have_attribute("aria-pressed", "true")

    _say(server, "going", 200, ["bar 100%", *first])
    expect(page.locator("#L401")).to_be_visible()

    page.locator("pre.console").hover()
    page.mouse.wheel(0, -4000)
    expect(follow).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#L201")).to_have_text("201bar 100%")
    there = _in_sight(page)
    _say(server, "going", 401, ["later"])
    with page.expect_response(lambda response: "/console/changes" in response.url):
        page.clock.run_for(2500)
    seen.settle()
    assert _in_sight(page) == there

    follow.click()
    expect(page.locator("#L402")).to_be_visible()
    _say(server, "going", 402, ["the end"], ", is_complete=True, exit_code=0")
    expect(page.locator("#L403")).to_be_visible()
    expect(follow).to_be_hidden()
    # The head asks for itself, and rests once it was told of the end.
    expect(page.locator("#poll:not([hx-get])")).to_be_attached()
    seen.settle()
    asked = len(seen.asked)
    page.clock.run_for(30_000)
    seen.settle()
    assert seen.asked[asked:] == []
    assert seen.complaints == []


def test_the_console_without_a_script(open_page: Any, long_log: LiveServer) -> None:
    seen = open_page(java_script_enabled=False)
    seen.go(f"{PAGE}?line=1200#L1200")
    page = seen.page
    expect(page.locator(".line")).to_have_count(500)

    page.fill(".console-bar input[name=q]", "warning")
    with page.expect_navigation():
        page.locator(".console-bar button[type=submit]").click()

    # A search ends after a second and a half and goes on where it is asked to.
    found, later = page.locator(".line").count(), page.get_by_role("link", name="Later")
    while later.count():
        with page.expect_navigation():
            later.click()
        found += page.locator(".line").count()
    assert found == 100
    seen.go(f"{PAGE}?q=warning")
    page.locator("#L5008 a.no").click()
    expect(page.locator(".line")).to_have_count(500)
    assert page.locator("#L5008").is_visible()


def test_a_stretch_is_there_at_once(open_page: Any, long_log: LiveServer) -> None:
    seen = open_page()
    seen.go(PAGE)
    began = time.monotonic()
    with seen.page.expect_response(lambda response: "/console/lines" in response.url):
        seen.page.evaluate("location.hash = '#L33333'")
    expect(seen.page.locator("#L33333.at")).to_be_visible()

    assert time.monotonic() - began < 10  # not by way of what lies between; bench measures it
