"""Each page at three widths, in English and light or in Japanese and dark: it fits, it is whole, and axe finds nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import pytest

from tests.turns import today
from tests.web.axe import COLOURS, violations
from tests.web.in_chromium import IN_CHROMIUM, Seen
from tests.web.pages import GUARDED, OPERATORS, OUTSIDE, PAGES

pytestmark = IN_CHROMIUM

WIDTHS = ((1440, 900), (768, 1024), (390, 844))
WIDE, PHONE = WIDTHS[0][0], WIDTHS[-1][0]
# Each page is looked at each day, in one of its looks, and in the other one the day after. Words are no matter of a theme, and axe
# finds in one language what it finds in the other.
Theme = Literal["light", "dark"]
LOOKS: tuple[tuple[str, Theme], ...] = (("en-US", "light"), ("ja-JP", "dark"))
ALL_LOOKS = os.environ.get("OWNLOG_LOOK") == "whole"
# A phone's page is the wide one's, set otherwise: of so many pages of a look axe looks at one there, each on its day.
PHONES = 1 if ALL_LOOKS else 3
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
@pytest.mark.parametrize("number", range(len(LOOKS)), ids=[locale for locale, _ in LOOKS])
def test_every_page_fits_is_whole_and_is_open_to_all(open_page: Any, number: int) -> None:
    """axe looks at the wide page, and at the phone's of every third."""
    locale, theme = LOOKS[number]
    on_phones = today() // len(LOOKS)  # turns once each page had both looks

    def in_turn(pages: Sequence[str]) -> Sequence[str]:
        return pages if ALL_LOOKS else pages[(number + today()) % len(LOOKS) :: len(LOOKS)]

    def look(seen: Seen, place: int) -> Iterable[str]:
        yield from _misshapen(seen, locale[:2])
        for width, height in WIDTHS:
            seen.page.set_viewport_size({"width": width, "height": height})
            found = seen.page.evaluate("document.documentElement.scrollWidth")
            if found > width:
                yield f"{found} px wide at {width} px"
            if width == WIDE or (width == PHONE and (place + on_phones) % PHONES == 0):
                yield from (f"{width} {theme}: {violation}" for violation in violations(seen.page))

    # Without motion, for a colour on its way to another has no contrast of its own.
    options = {"locale": locale, "reduced_motion": "reduce", "color_scheme": theme}
    person = open_page(**options)
    signed_in = _faults(person, in_turn(PAGES), look)
    person.say_again()
    guarded = _faults(person, GUARDED, look)
    assert person.page.url.endswith(GUARDED[-1])  # and not sent back to the password
    before = _faults(open_page(signed_in=False, **options), in_turn(OUTSIDE), look)
    faults = signed_in | guarded | before
    assert not faults, "\n".join(f"{path}: {found}" for path, found in faults.items())


@pytest.mark.parametrize("theme", [theme for _, theme in LOOKS])
def test_operators_pages_ask_nobody_else_and_keep_to_the_policy(open_page: Any, theme: str) -> None:
    """And every word of them can be read, in either theme."""
    faults = _faults(open_page(color_scheme=theme), OPERATORS, lambda seen, _: violations(seen.page, COLOURS))
    assert faults == {}


def _misshapen(seen: Seen, language: str) -> Iterable[str]:
    shape = seen.page.evaluate(_SHAPE)
    if shape["language"] != language or not shape["title"].removesuffix(" · Ownlog"):
        yield f"language {shape['language']}, title {shape['title']!r}"
    if shape["h1"] != 1 or shape["skipped"]:
        yield f"{shape['h1']} h1, steps over to {shape['skipped']}"


def _faults(seen: Seen, paths: Iterable[str], look: Callable[[Seen, int], Iterable[str]]) -> Faults:
    """What is wrong by page, with what the browser complained of and what it asked elsewhere."""
    faults: Faults = {}
    for place, path in enumerate(paths):
        seen.asked.clear()
        seen.complaints.clear()
        seen.page.set_viewport_size({"width": WIDTHS[0][0], "height": WIDTHS[0][1]})
        seen.go(path)
        found = [*look(seen, place), *seen.complaints, *seen.asked_elsewhere]
        if found:
            faults[path] = found
    return faults
