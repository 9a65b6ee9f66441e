"""The pages in a real browser, over the demo world: what it asks for, what it complains of, what moves by itself."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from apps.demo.people import PASSWORD
from tests.live import LiveServer
from tests.web.in_chromium import IN_CHROMIUM, picture_of, until
from tests.web.pages import PROJECT, RUN

pytestmark = IN_CHROMIUM

_LIVE = "/alice/vision/runs/live"
_SET_UP = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.access.policy import Permission
from apps.core import jsontext
from apps.projects.services import get_or_create_project
from apps.runs.history import store
from apps.runs.services import start_run
from apps.runs.types import Lines, RunPatch, Stream, StreamRequest

def log(person, project, first, count):
    actor = Actor.person(User.objects.get(username=person))
    place = get_or_create_project(actor, entity=person, name=project)
    run = start_run(place, name="live", by=actor, patch=RunPatch(display_name="live"))[0].run
    rows = [jsontext.dumps({"loss": 1 / (step + 1), "_step": step}) for step in range(first, first + count)]
    lines = {Stream.HISTORY: Lines(first=first, lines=rows), Stream.OUTPUT: Lines(first=first, lines=[f"line {first}"])}
    store.append(run, StreamRequest(streams=lines, summary_text=jsontext.dumps({"loss": 1 / (first + count)})))

"""


def _log(server: LiveServer, person: str, project: str, first: int, count: int) -> None:
    server.python("-c", f"{_SET_UP}log({person!r}, {project!r}, {first}, {count})")


def test_charts_are_drawn_with_a_tip_at_the_crosshair(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    panel = seen.page.locator("figure.panel[data-key='val/acc']")

    expect(panel.locator("canvas.ink:not(.over)")).to_have_count(1)
    panel.locator(".u-over").hover()

    tip = panel.locator(".tip")
    expect(tip).to_be_visible()
    assert tip.locator("li").count() == 5
    assert tip.locator("li.near").count() == 1
    expect(seen.page.locator("tr.hot")).to_have_count(1)
    # The crosshair is the other panels' too: their heads show the value there.
    expect(seen.page.locator("figure.panel[data-key='val/loss'] .at b")).not_to_be_empty()


def test_only_panels_in_view_ask_for_points(open_page: Any) -> None:
    seen = open_page(height=520)
    seen.go(PROJECT)
    panels, asked = seen.page.locator("figure.panel").count(), len(seen.series())

    assert 0 < asked < panels
    last = seen.page.locator("figure.panel").last
    with seen.page.expect_response(lambda response: "/series?" in response.url):
        last.scroll_into_view_if_needed()
    expect(last.locator("canvas.ink:not(.over)")).to_have_count(1)


def test_charts_are_drawn_again_in_the_other_theme(open_page: Any) -> None:
    seen = open_page(color_scheme="light")
    seen.go(RUN)
    panel = seen.page.locator("figure.panel").first
    light = picture_of(panel)

    seen.page.emulate_media(color_scheme="dark")

    until(seen, lambda: picture_of(panel) != light)


def test_a_running_run_follows_by_itself(open_page: Any, server: LiveServer) -> None:
    _log(server, "alice", "vision", 0, 10)
    seen = open_page()
    seen.go(_LIVE)
    expect(seen.page.locator("#figures dd").first).to_contain_text("0.1000")
    expect(seen.page.locator("figure.panel canvas.ink:not(.over)")).to_have_count(1)

    _log(server, "alice", "vision", 10, 10)

    expect(seen.page.locator("#figures dd").first).to_contain_text("0.0500")
    expect(seen.page.locator("#tail")).to_contain_text("line 10")
    expect(seen.page.locator("figure.panel .at b")).to_have_text("0.0500")
    assert any("cursor=" in url for url in seen.series())
    assert seen.complaints == []


def test_stop_is_asked_without_leaving_the_page(open_page: Any, server: LiveServer) -> None:
    _log(server, "alice", "vision", 0, 1)
    seen = open_page()
    seen.go(_LIVE)
    seen.page.evaluate("window.stayed = true")

    seen.page.locator("#run-head summary", has_text="Stop").click()
    seen.page.get_by_role("button", name="Ask it to stop").click()

    expect(seen.page.locator("#run-head")).to_contain_text("stopping")
    assert seen.page.evaluate("window.stayed") is True
    assert seen.page.get_by_role("button", name="Ask it to stop").count() == 0


def test_from_sign_up_to_the_first_run(open_page: Any, server: LiveServer) -> None:
    seen = open_page(signed_in=False)
    page = seen.page
    seen.go("/sign-up")
    page.fill("input[name=username]", "newcomer")
    page.fill("input[name=email]", "newcomer@example.org")
    page.fill("input[name=password1]", PASSWORD)
    page.click("main button[type=submit]")
    expect(page.get_by_role("heading", level=1)).to_have_text("Log a first run")

    _log(server, "newcomer", "first", 0, 3)

    expect(page.get_by_role("heading", level=1)).to_have_text("Projects")
    expect(page.get_by_role("link", name="first", exact=True)).to_be_visible()
    assert seen.asked_elsewhere == []
    assert seen.complaints == []


def test_reading_and_filtering_work_without_a_script(open_page: Any) -> None:
    seen = open_page(java_script_enabled=False)
    page = seen.page

    seen.go(PROJECT)
    rows = page.locator("tbody tr").count()
    page.fill("form.terms input:not([type])", "config.aug = none")
    with page.expect_navigation():
        page.click("form.terms button")

    assert 0 < page.locator("tbody tr").count() < rows
    with page.expect_navigation():
        page.locator("tbody td.name a").first.click()
    assert page.locator(".tree li").count() > 5
    with page.expect_navigation():
        page.get_by_role("link", name="Console").click()
    assert page.locator("pre.console span").count() > 5


def test_nothing_of_a_page_stays_in_the_browser(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    seen.go(RUN)

    kept = "[localStorage.length, sessionStorage.length, document.cookie]"
    assert seen.page.evaluate(kept) == [0, 0, ""]
