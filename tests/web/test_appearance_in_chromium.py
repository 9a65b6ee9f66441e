"""What a person chose, as a browser shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.in_chromium import IN_CHROMIUM, Seen
from tests.web.pages import PROJECT

pytestmark = IN_CHROMIUM

_GROUND = "getComputedStyle(document.body).backgroundColor"
_LIGHTNESS = (
    "(() => { const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true });"
    f" c.fillStyle = {_GROUND}; c.fillRect(0, 0, 1, 1); return c.getImageData(0, 0, 1, 1).data[0]; }})()"
)


@pytest.fixture
def seen(open_page: Any) -> Iterator[Seen]:
    """Signed in on a device that is light, in English. What is chosen is taken back, for other tests look at it."""
    opened = open_page(color_scheme="light", locale="en-US")
    yield opened
    opened.go("/settings/appearance")
    for value in ("browser", "system", "compact", "on"):
        opened.page.locator(f".choice button[value={value}]").click()


def choose(seen: Seen, name: str) -> None:
    seen.go("/settings/appearance")
    seen.page.get_by_role("button", name=name, exact=True).click()
    expect(seen.page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")


def lightness(page: Page) -> int:
    return int(page.evaluate(_LIGHTNESS))


def test_the_chosen_theme_counts_more_than_the_devices(seen: Seen) -> None:
    seen.go("/")
    light = lightness(seen.page)
    choose(seen, "Dark")
    dark = lightness(seen.page)
    seen.page.emulate_media(color_scheme="dark")
    choose(seen, "Light")

    assert (light > 200, dark < 60) == (True, True)
    assert lightness(seen.page) == light
    assert seen.complaints == []


def test_comfortable_rows_and_charts_are_higher(seen: Seen) -> None:
    heights = (
        "['tbody tr[data-run] td', '.split .plot'].map((each) => document.querySelector(each).clientHeight)"
    )
    seen.go(PROJECT)
    compact = seen.page.evaluate(heights)
    choose(seen, "Comfortable")
    seen.go(PROJECT)

    row, chart = seen.page.evaluate(heights)
    assert (row > compact[0] + 4, chart - compact[1]) == (True, 44)


def test_a_language_is_chosen_with_one_press_and_spoken_at_once(seen: Seen) -> None:
    seen.go("/settings/appearance")
    seen.page.get_by_role("button", name="日本語", exact=True).click()

    expect(seen.page.get_by_role("heading", level=1)).to_have_text("表示")
    seen.go(PROJECT)
    expect(seen.page.get_by_role("button", name="絞り込む")).to_be_visible()


def test_all_of_it_works_without_a_script(open_page: Any) -> None:
    seen = open_page(java_script_enabled=False, signed_in=False, locale="en-US")
    seen.go("/sign-in?next=/settings/appearance")

    seen.page.get_by_role("button", name="日本語").click()

    expect(seen.page.get_by_role("heading", level=1)).to_have_text("サインイン")
    assert seen.page.url.endswith("/sign-in?next=/settings/appearance")
