"""The switches and choices of what is kept, in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = IN_CHROMIUM


@pytest.mark.parametrize(
    ("url", "name", "turned"),
    [
        ("/settings/code-saving", "code_saving", "on"),
        ("/settings/privacy", "hidden", "on"),
        ("/teams/kumiko-lab/code-saving", "code_saving", "on"),
        ("/settings/notifications", "mail_teams", "off"),
    ],
)
def test_each_switch_saves_at_once_and_stays(open_page: Any, url: str, name: str, turned: str) -> None:
    seen: Seen = open_page()
    seen.go(url)
    row = seen.page.locator(f"#setting-{name}")

    row.get_by_role("switch").click()
    expect(row.locator("[data-word]")).to_have_text(turned)
    # Also what else the page says of it, without asking for the page again.
    expect(seen.page.locator(f"#who-{name}")).to_contain_text("Set by alice")
    if url == "/settings/code-saving":
        mine = seen.page.locator("#places tbody tr", has_text="alice").first
        expect(mine).to_contain_text("on")
        expect(mine).not_to_contain_text("Default")
    seen.go(url)
    expect(row.locator("[data-word]")).to_have_text(turned)
    expect(row.get_by_role("switch")).to_be_checked(checked=turned == "on")
    section = seen.page.locator("section", has=row)
    expect(section.locator(".side")).to_contain_text("Set by alice")

    row.get_by_role("switch").click()
    expect(row.locator("[data-word]")).to_have_text("off" if turned == "on" else "on")


def test_each_level_of_metadata_is_one_press(open_page: Any) -> None:
    seen: Seen = open_page()
    seen.go("/settings/system-metadata")

    for word in ("All", "None", "Minimal"):
        seen.page.get_by_role("button", name=word, exact=True).click()
        expect(seen.page.get_by_role("button", name=word, exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )


def test_a_level_above_what_the_organisation_allows_cannot_be_pressed(open_page: Any) -> None:
    seen: Seen = open_page()
    seen.go("/teams/kumiko-lab/system-metadata")

    expect(seen.page.get_by_role("button", name="All", exact=True)).to_be_disabled()
    expect(seen.page.locator(".note")).to_contain_text("hokuto-institute")
