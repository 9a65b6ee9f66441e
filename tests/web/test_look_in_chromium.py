"""The parts of pages as a browser shows them: what moves when it is used, and what it looks like for whom."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.web.in_chromium import IN_CHROMIUM

pytestmark = IN_CHROMIUM


def test_switches_are_saved_when_they_are_turned(open_page: Any) -> None:
    seen = open_page(signed_in=False)
    seen.go("/components")
    row = seen.page.locator("#setting-code")

    row.get_by_role("switch").click()

    expect(row.locator("[data-word]")).to_have_text("on")
    expect(row.get_by_role("switch")).to_be_checked()
    expect(row.get_by_role("switch")).to_be_focused()
    expect(row).to_contain_text("The script and the diff to its last commit are kept with each run.")
    expect(row.get_by_role("button")).to_have_count(0)
    assert seen.page.url == f"{seen.url}/components"
    assert seen.complaints == []


def test_a_switch_holds_still_while_it_is_saved_and_goes_back_when_that_fails(open_page: Any) -> None:
    seen = open_page(signed_in=False)
    seen.go("/components")
    row = seen.page.locator("#setting-unanswered")
    held: list[Any] = []
    seen.page.route("**/components/switch/unanswered", lambda route: held.append(route))

    row.get_by_role("switch").click()

    expect(row.locator("[data-word]")).to_have_text("saving")
    expect(row.get_by_role("switch")).to_be_disabled()
    held[0].continue_()
    expect(row.locator("[data-word]")).to_have_text("off")
    expect(row.get_by_role("switch")).not_to_be_checked()
    expect(row.get_by_role("alert")).to_contain_text("Not saved.")


def test_a_toast_stays_eight_seconds_and_longer_while_it_is_looked_at(open_page: Any) -> None:
    seen = open_page(signed_in=False)
    page = seen.page
    page.clock.install()
    seen.go("/components")
    toast = page.locator("#toasts .toast")
    show = page.get_by_role("button", name="Show it")

    show.click()
    expect(toast).to_have_text("3 runs tagged “paper”.Undo")
    page.clock.run_for(7000)
    expect(toast).to_have_count(1)
    page.clock.run_for(1500)
    expect(toast).to_have_count(0)

    show.click()
    toast.hover()
    page.clock.run_for(20_000)
    expect(toast).to_have_count(1)
    toast.get_by_role("button", name="Undo").click()
    expect(toast).to_have_count(0)
    expect(show).to_be_focused()


def test_panels_say_what_they_cannot_draw(open_page: Any) -> None:
    seen = open_page(signed_in=False)
    seen.go("/components")
    panels = seen.page.locator("[data-source='/components/series'] figure.panel")
    panels.first.scroll_into_view_if_needed()

    expect(panels.nth(0).locator("canvas")).to_have_count(1)
    expect(panels.nth(1)).to_contain_text("No run here logs val/f1.")
    panels.nth(2).scroll_into_view_if_needed()
    expect(panels.nth(2).get_by_role("button", name="Try again")).to_be_visible()
    expect(seen.page.locator("[data-specimen-loading] figure")).to_have_attribute("aria-busy", "true")
    expect(seen.page.locator("[data-specimen-tip] .tip li.near")).to_contain_text("swin-s-cutmix-ema")
