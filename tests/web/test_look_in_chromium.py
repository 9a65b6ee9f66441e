"""The parts of pages as a browser shows them: what moves when it is used, and what it looks like for whom."""

from __future__ import annotations

import os
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.turns import turn
from tests.web.in_chromium import IN_CHROMIUM
from tests.web.pages import PAGES, PROJECT, RUN

pytestmark = IN_CHROMIUM

# Whether what has the focus shows it: itself, or the box around it that does so for it.
_RING = """() => {
  const drawn = (node) => { const s = getComputedStyle(node); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2; };
  let node = document.activeElement;
  const what = node.outerHTML.slice(0, 120);
  for (let up = 0; node && up < 4; up += 1, node = node.parentElement) if (drawn(node)) return { drawn: true, what };
  return { drawn: false, what };
}"""


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

    expect(panels.nth(0).locator("canvas").first).to_be_visible()
    expect(panels.nth(1)).to_contain_text("No run here logs val/f1.")
    panels.nth(2).scroll_into_view_if_needed()
    expect(panels.nth(2).get_by_role("button", name="Try again")).to_be_visible()
    expect(seen.page.locator("[data-specimen-loading] figure")).to_have_attribute("aria-busy", "true")
    expect(seen.page.locator("[data-specimen-tip] .tip li.near")).to_contain_text("swin-s-cutmix-ema")


def test_keyboard_goes_past_the_bar_and_is_seen_where_it_is(open_page: Any) -> None:
    seen = open_page()
    page = seen.page
    seen.go(PROJECT)

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Tab")
    unseen = []
    for _press in range(40):
        ring = page.evaluate(_RING)
        if not ring["drawn"]:
            unseen.append(ring["what"])
        page.keyboard.press("Tab")

    assert unseen == []
    assert page.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count() == 0


def test_skip_link_leads_to_the_content(open_page: Any) -> None:
    seen = open_page()
    seen.go(RUN)

    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    seen.page.keyboard.press("Tab")

    assert seen.page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("path", ["/components", PROJECT])
def test_menus_open_and_close_by_keys(open_page: Any, path: str) -> None:
    seen = open_page()
    seen.go(path)
    menus = seen.page.locator("details.menu:visible")

    for place in range(min(menus.count(), 4)):
        menu, summary = menus.nth(place), menus.nth(place).locator("summary")
        summary.focus()
        seen.page.keyboard.press("Enter")
        expect(menu).to_have_attribute("open", "")
        seen.page.keyboard.press("Escape")
        expect(menu).not_to_have_attribute("open", "")
        expect(summary).to_be_focused()


def test_what_a_person_asks_of_their_system_is_kept_to(open_page: Any) -> None:
    seen = open_page(signed_in=False)
    page = seen.page
    seen.go("/components")
    of = "(selector, pseudo, name) => getComputedStyle(document.querySelector(selector), pseudo)[name]"

    def style(selector: str, name: str, pseudo: str | None = None) -> str:
        found: str = page.evaluate(
            f"([selector, pseudo, name]) => ({of})(selector, pseudo, name)", [selector, pseudo, name]
        )
        return found

    swatch, rule = style(".swatch.run-1", "backgroundColor"), style(".bar", "borderBottomColor")
    assert style(".state.running", "animationName", "::before") == "breathe"

    page.emulate_media(reduced_motion="reduce")
    assert style(".state.running", "animationName", "::before") == "none"
    page.emulate_media(contrast="more")
    assert style(".bar", "borderBottomColor") == style(".input", "borderTopColor") != rule
    page.emulate_media(contrast="no-preference", forced_colors="active")
    assert style(".swatch.run-1", "backgroundColor") == swatch
    assert style(".toggle", "forcedColorAdjust") == "none"
    page.emulate_media(forced_colors="none", media="print")
    assert style(".bar", "display") == style(".foot", "display") == "none"


def test_pages_are_read_without_a_script(open_page: Any) -> None:
    seen = open_page(java_script_enabled=False)
    faults = {}

    # Every third, each on its day.
    for path in PAGES if os.environ.get("OWNLOG_LOOK") == "whole" else PAGES[turn(3) :: 3]:
        seen.go(path)
        dead = seen.page.locator("button[type=button]:visible").evaluate_all(
            "all => all.map((one) => one.outerHTML.slice(0, 90))"
        )
        words = seen.page.locator("main").inner_text()
        # The page of components shows buttons for their looks.
        if (dead and not path.startswith("/components")) or len(words) < 40:
            faults[path] = [*dead, f"{len(words)} letters"]

    assert faults == {}


def test_charts_and_choices_have_their_way_without_a_script(open_page: Any) -> None:
    seen = open_page(java_script_enabled=False)
    page = seen.page
    seen.go(PROJECT)
    panel = page.locator("figure.panel[data-key='val/acc']")

    expect(panel.locator("noscript")).to_have_count(1)
    panel.hover()
    panel.locator("details.menu summary").click()
    panel.get_by_role("link", name="As a table").click()
    assert page.locator("table.of-points tbody tr").count() > 3

    seen.go(PROJECT)
    for box in page.locator("td.choose input").all()[:2]:
        box.check()
    page.get_by_role("button", name="Compare").click()
    assert page.locator("table thead th[data-run]").count() == 2

    seen.go(f"{RUN}/edit")
    page.get_by_label("Tags").fill("paper, without a script")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main aside")).to_contain_text("without a script")

    seen.go("/components")
    page.locator("#setting-code").get_by_role("switch").check()
    page.locator("#setting-code").get_by_role("button", name="Save").click()
    expect(page.locator("#setting-code [data-word]")).to_have_text("on")


def test_the_tab_of_the_page_is_in_sight_on_a_phone(open_page: Any) -> None:
    seen = open_page(width=390, height=844)
    seen.go(f"{RUN}/files")

    expect(seen.page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=1)


# What of a page's tables ends to the right of the window; words for screen readers take no room.
_BEYOND = """() => [...document.querySelectorAll("main table :is(th, td, button, a)")].filter((node) => {
  const { right, width } = node.getBoundingClientRect();
  return width > 1 && right > innerWidth && getComputedStyle(node).clipPath === "none" && !node.closest("thead");
}).map((node) => node.innerText)"""


def test_what_a_row_tells_and_offers_lies_on_a_phones_screen(open_page: Any) -> None:
    seen = open_page(width=390)
    page = seen.page
    seen.go(f"{PROJECT}/settings")
    page.fill("form[action$='settings/people'] input[name=username]", "vera")
    page.click("text=Add this person")
    page.wait_for_selector("td:has-text('May look')")
    page.fill("input[name=label]", "for whoever reads a very long name of a journal and its second issue")
    page.click("text=Make a link")
    page.wait_for_selector("text=Copy it now")
    assert page.locator("main table").count() == 2
    looked = [page.evaluate(_BEYOND)]
    seen.go("/teams/kumiko-lab/service-accounts")
    page.click("main tbody a")
    page.fill("input[name=name]", "a key with a name that is long enough for two lines of a phone")
    page.click("main form:has(input[name=name]) button[type=submit]")
    page.wait_for_selector("text=Copy it now")
    looked.append(page.evaluate(_BEYOND))
    for path in (
        "/settings/api-keys",
        f"{PROJECT}/artifacts",
        f"{PROJECT}/artifacts/dataset/birds-and-beasts",
    ):
        seen.go(path)
        assert page.locator("main table tbody tr").count() > 0
        looked.append(page.evaluate(_BEYOND))

    assert looked == [[]] * 5
    assert page.locator("td[data-label=Files]").first.is_visible()
