"""A team from its making to the first day of somebody who was invited by mail, in a browser, with mail that travels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live import LiveServer
from tests.web.in_chromium import IN_CHROMIUM, Seen
from tests.web.mailbox import Mailbox, words_of

pytestmark = IN_CHROMIUM


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def server(mailbox: Mailbox, demo_world: LiveServer) -> Iterator[LiveServer]:
    with LiveServer(env=mailbox.env).prepare_like(demo_world) as live:
        yield live


def link_in(text: str) -> str:
    found = re.search(r"http://\S+/invitations/[\w-]+", text)
    assert found is not None
    return found[0]


def test_somebody_without_an_account_is_invited_by_mail_and_joins(open_page: Any, mailbox: Mailbox) -> None:
    admin: Seen = open_page()
    admin.go("/settings/teams")
    admin.page.click("text=Make a team")
    admin.page.fill("input[name=name]", "Night Shift")
    admin.page.click("main button[type=submit]")
    admin.page.wait_for_selector("#id_name-error")
    assert "2 to 39 small letters" in admin.page.inner_text("#id_name-error")
    assert admin.page.input_value("input[name=name]") == "Night Shift"
    admin.page.fill("input[name=name]", "night-shift")
    admin.page.click("main button[type=submit]")
    admin.page.wait_for_url(f"{admin.url}/teams/night-shift")

    admin.page.fill("input[name=email]", "zoe@example.com")
    admin.page.select_option("form[action$=invitations] select", "viewer")
    admin.page.click("form[action$=invitations] button")
    admin.page.wait_for_selector("text=A mail with the link went to")
    (mail,) = mailbox.mails
    assert mail["To"] == "zoe@example.com"
    link = link_in(words_of(mail))
    assert admin.page.inner_text(".link-once pre").strip() == link
    admin.page.wait_for_url(f"{admin.url}/teams/night-shift")
    admin.page.reload()  # neither a refusal nor a second invitation
    assert admin.page.locator("h1").inner_text() == "night-shift"
    assert (admin.page.locator(".link-once").count(), len(mailbox.mails)) == (0, 1)

    invited: Seen = open_page(signed_in=False)
    invited.page.goto(link)
    assert "night-shift" in invited.page.inner_text("h1")
    invited.page.click("text=Make an account")
    invited.page.fill("input[name=username]", "zoe")
    invited.page.fill("input[name=email]", "zoe@example.com")
    invited.page.fill("input[name=password1]", "a long pass phrase")
    invited.page.click("main button[type=submit]")
    invited.page.wait_for_url(link)
    invited.page.click("text=Join")
    invited.page.wait_for_url(f"{invited.url}/teams/night-shift")

    assert invited.page.locator("#members tbody tr").count() == 2
    assert invited.page.locator("#members select").count() == 0
    invited.page.goto(link)
    invited.page.wait_for_url(f"{invited.url}/teams/night-shift")
    stranger: Seen = open_page(signed_in=False)
    stranger.page.goto(link)
    assert stranger.page.inner_text("h1") == "This invitation does not work"
    # The browser notes the form that came back with a message.
    complaints = [*admin.complaints, *invited.complaints, *stranger.complaints]
    assert [each for each in complaints if "400 (Bad Request)" not in each] == []
    assert [*admin.asked_elsewhere, *invited.asked_elsewhere] == []


def test_a_role_changes_in_place_and_the_last_admin_reads_why_not(open_page: Any) -> None:
    seen: Seen = open_page()
    seen.go("/teams/kumiko-lab")

    save = seen.page.locator("tr:has(#role-vera) button:has-text('Save')")
    assert not save.is_visible()
    seen.page.focus("#role-vera")
    seen.page.keyboard.press("ArrowUp")  # chooses, and changes nobody
    assert (seen.page.input_value("#role-vera"), save.is_visible()) == ("member", True)
    assert seen.page.locator("#members [role=status]").count() == 0
    save.click()
    seen.page.wait_for_selector("#members [role=status]", state="attached")
    assert not save.is_visible()
    seen.page.select_option("#role-alice", "viewer")
    seen.page.click("tr:has(#role-alice) button:has-text('Save')")
    seen.page.wait_for_selector("#wrong-role")

    assert "without an admin" in seen.page.inner_text("#wrong-role")
    assert seen.page.input_value("#role-alice") == "admin"
    seen.go("/teams/kumiko-lab")
    assert seen.page.input_value("#role-vera") == "member"
    assert seen.complaints == []


def test_without_a_script_a_role_is_saved_by_its_button(open_page: Any) -> None:
    seen: Seen = open_page(java_script_enabled=False)
    seen.go("/teams/kumiko-lab")

    seen.page.select_option("#role-bob", "viewer")
    seen.page.click("tr:has(#role-bob) button:has-text('Save')")

    assert seen.page.input_value("#role-bob") == "viewer"
