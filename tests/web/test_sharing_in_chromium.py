"""Publishing, naming and links in a real browser, and their changes as a second server process sees them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import expect

from tests.live import LiveServer
from tests.web.axe import violations
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = IN_CHROMIUM
PROJECT = "/alice/vision"
PAGE = f"{PROJECT}/settings"


@pytest.fixture(scope="module")
def other_process(server: LiveServer) -> Iterator[LiveServer]:
    """A second web server over the same data, which was running before anything changed."""
    data = {"OWNLOG_DATA": str(server.data), "OWNLOG_KEY_DIR": str(server.keys)}
    second = LiveServer(env=data, places=server.remote)
    try:
        yield second.start()
    finally:
        second.stop()
        shutil.rmtree(second.folder, ignore_errors=True)


def status(at: LiveServer, path: str, **cookies: str) -> int:
    return requests.get(at.url + path, cookies=cookies, timeout=30, allow_redirects=False).status_code


def session_of(seen: Seen) -> dict[str, str]:
    return {each["name"]: each["value"] for each in seen.page.context.cookies() if "session" in each["name"]}


def choose(seen: Seen, visibility: str) -> None:
    seen.go(PAGE)
    seen.page.check(f"input[value={visibility}]")
    with seen.page.expect_navigation():
        seen.page.get_by_role("button", name="Change who sees it").click()


def test_publishing_says_what_shows_and_asks_again(
    open_page: Any, server: LiveServer, other_process: LiveServer
) -> None:
    seen = open_page()
    assert [status(each, PROJECT) for each in (server, other_process)] == [404, 404]

    choose(seen, "public")
    expect(seen.page.get_by_role("heading", name="What becomes visible")).to_be_visible()
    assert violations(seen.page) == []
    publish = seen.page.get_by_role("button", name="Publish it")
    publish.click()
    # The browser itself holds a box back that must be ticked.
    expect(publish).to_be_visible()
    assert status(server, PROJECT) == 404
    seen.page.check("input[name=agreed]")
    publish.click()
    seen.page.wait_for_url(f"{seen.url}{PAGE}")
    expect(seen.page.locator(".crumbs .badge")).to_have_text("Public")
    assert [status(each, PROJECT) for each in (server, other_process)] == [200, 200]

    choose(seen, "private")
    expect(seen.page.locator(".crumbs .badge")).to_have_text("Private")
    assert [status(each, PROJECT) for each in (server, other_process)] == [404, 404]
    assert seen.complaints == []


def test_a_link_opens_one_project_in_a_fresh_browser_until_it_is_revoked(
    open_page: Any, server: LiveServer, other_process: LiveServer
) -> None:
    seen = open_page()
    seen.go(PAGE)
    seen.page.fill("input[name=label]", "Examiners")
    seen.page.get_by_role("button", name="Make a link").click()
    address = seen.page.locator(".pane pre").inner_text()
    assert violations(seen.page) == []

    guest = open_page(signed_in=False)
    guest.page.goto(address)
    expect(guest.page.get_by_text("You look at this by a link")).to_be_visible()
    expect(guest.page).to_have_url(server.url + PROJECT)
    expect(guest.page.locator("canvas").first).to_be_visible()
    guest.go(f"{PROJECT}/runs/demo0003/console")
    expect(guest.page.get_by_text("You look at this by a link")).to_be_visible()
    cookies = session_of(guest)
    assert [status(each, PROJECT, **cookies) for each in (server, other_process)] == [200, 200]
    assert status(other_process, "/alice", **cookies) == 404
    assert status(other_process, PAGE, **cookies) == 403

    seen.go(PAGE)
    revoke = seen.page.get_by_role("button", name="Revoke the link Examiners")
    revoke.click()
    expect(revoke).to_have_count(0)

    assert [status(each, PROJECT, **cookies) for each in (other_process, server)] == [404, 404]
    assert address.rpartition("/")[2] not in server.log.read_text()
    assert (seen.complaints, guest.complaints, guest.asked_elsewhere) == ([], [], [])


def test_a_named_person_is_let_in_and_out_in_every_process(
    open_page: Any, server: LiveServer, other_process: LiveServer
) -> None:
    seen, vera = open_page(), open_page(signed_in=False)
    vera.sign_in("vera")
    cookies = session_of(vera)
    assert status(other_process, PROJECT, **cookies) == 404

    choose(seen, "restricted")
    seen.page.fill(".in-line input[name=username]", "vera")
    seen.page.get_by_role("button", name="Add this person").click()
    expect(seen.page.locator(".crumbs .badge")).to_have_text("Restricted, 2 people")
    assert [status(each, PROJECT, **cookies) for each in (other_process, server)] == [200, 200]
    vera.go("/")
    expect(vera.page.get_by_role("link", name="vision")).to_be_visible()

    seen.page.get_by_role("button", name="Take vera out").click()
    expect(seen.page.locator(".crumbs .badge")).to_have_text("Restricted, 1 person")
    assert [status(each, PROJECT, **cookies) for each in (other_process, server)] == [404, 404]
    assert seen.complaints == []
