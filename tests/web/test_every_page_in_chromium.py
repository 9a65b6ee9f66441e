"""Each page at three widths, in both languages and both themes: it fits, it is whole, and axe finds nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Literal

import pytest

from tests.turns import turn
from tests.web.axe import COLOURS, violations
from tests.web.in_chromium import IN_CHROMIUM, Seen
from tests.web.pages import GUARDED, OPERATORS, OUTSIDE, PAGES

pytestmark = IN_CHROMIUM

WIDTHS = ((1440, 900), (768, 1024), (390, 844))
WIDE, PHONE = WIDTHS[0][0], WIDTHS[-1][0]
# A phone's page is the wide one's, set otherwise: of so many pages one is looked at there, each on its day.
PHONES = 1 if os.environ.get("OWNLOG_LOOK") == "whole" else 3
HALVES = 1 if PHONES == 1 else 2
THEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
_SHAPE = """() => {
  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((node) => Number(node.tagName[1]));
  return {
    title: document.title, h1: headings.filter((level) => level === 1).length, language: document.documentElement.lang,
    skipped: headings.filter((level, place) => level > (headings[place - 1] ?? 0) + 1),
  };
}"""
Faults = dict[str, list[str]]


# A hundred pages, each looked at by axe: minutes of a processor, and more of a busy one.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("locale", ["en-US", "ja-JP"])
def test_every_page_fits_is_whole_and_is_open_to_all(open_page: Any, locale: str) -> None:
    """axe looks at the wide page in both themes, and at the phone's of every third; what language they speak changes nothing for it."""

    places = count(turn(PHONES))

    def look(seen: Seen) -> Iterable[str]:
        yield from _misshapen(seen, locale[:2])
        is_in_turn = next(places) % PHONES == 0
        for width, height in WIDTHS:
            seen.page.set_viewport_size({"width": width, "height": height})
            found = seen.page.evaluate("document.documentElement.scrollWidth")
            if found > width:
                yield f"{found} px wide at {width} px"
            if locale == "en-US" and (width == WIDE or (width == PHONE and is_in_turn)):
                yield from _barriers(seen, width)

    # Without motion, for a colour on its way to another has no contrast of its own.
    options = {"locale": locale, "reduced_motion": "reduce"}
    person = open_page(**options)
    # What is wider in Japanese is the words, and most of them stand on many pages.
    signed_in = _faults(person, PAGES if locale == "en-US" else PAGES[turn(HALVES) :: HALVES], look)
    person.say_again()
    guarded = _faults(person, GUARDED, look)
    assert person.page.url.endswith(GUARDED[-1])  # and not sent back to the password
    before = _faults(open_page(signed_in=False, **options), OUTSIDE, look)
    faults = signed_in | guarded | before
    assert not faults, "\n".join(f"{path}: {found}" for path, found in faults.items())


@pytest.mark.parametrize("theme", THEMES)
def test_operators_pages_ask_nobody_else_and_keep_to_the_policy(open_page: Any, theme: str) -> None:
    """And every word of them can be read, in either theme."""
    faults = _faults(open_page(color_scheme=theme), OPERATORS, lambda seen: violations(seen.page, COLOURS))
    assert faults == {}


def _misshapen(seen: Seen, language: str) -> Iterable[str]:
    shape = seen.page.evaluate(_SHAPE)
    if shape["language"] != language or not shape["title"].removesuffix(" · Ownlog"):
        yield f"language {shape['language']}, title {shape['title']!r}"
    if shape["h1"] != 1 or shape["skipped"]:
        yield f"{shape['h1']} h1, steps over to {shape['skipped']}"


def _faults(seen: Seen, paths: Iterable[str], look: Callable[[Seen], Iterable[str]]) -> Faults:
    """What is wrong by page, with what the browser complained of and what it asked elsewhere."""
    faults: Faults = {}
    for path in paths:
        seen.asked.clear()
        seen.complaints.clear()
        seen.page.set_viewport_size({"width": WIDTHS[0][0], "height": WIDTHS[0][1]})
        seen.go(path)
        found = [*look(seen), *seen.complaints, *seen.asked_elsewhere]
        if found:
            faults[path] = found
    return faults


def _barriers(seen: Seen, width: int) -> Iterable[str]:
    """What axe finds as the page stands now, in each theme, without asking for it again."""
    for theme in THEMES:
        seen.page.emulate_media(color_scheme=theme)
        # A theme is nothing but colours.
        rules = COLOURS if theme == "dark" else ()
        yield from (f"{width} {theme}: {violation}" for violation in violations(seen.page, rules))
    seen.page.emulate_media(color_scheme=THEMES[0])
