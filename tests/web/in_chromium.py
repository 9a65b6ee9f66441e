"""A page in a real browser, with everything that it asks for and complains of."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Locator, Page

from apps.demo.people import PASSWORD
from tests.browsers import chromium_path

IN_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed: no page was looked at"),
]


@dataclass
class Seen:
    """A page with everything that it asked for or complained of."""

    page: Page
    url: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        # A page that is not found is one of the pages; the browser notes its status.
        if kind in {"error", "warning"} and "404 (Not Found)" not in text:
            self.complaints.append(text)

    @property
    def asked_elsewhere(self) -> list[str]:
        return [url for url in self.asked if not url.startswith(self.url)]

    def series(self) -> list[str]:
        return [url for url in self.asked if "/series?" in url]

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)
        self.page.wait_for_load_state("networkidle")

    def sign_in(self, name: str = "alice") -> None:
        self.go("/sign-in")
        self.page.fill("input[name=login]", name)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(f"{self.url}/")

    def say_again(self) -> None:
        """The password once more, as pages of ways in ask for it; it is good for five minutes."""
        self.go("/account/again")
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(lambda url: "/account/again" not in url)


def picture_of(panel: Locator) -> str:
    """The panel once it rests: a picture taken while it draws, axes without lines, is never seen again."""
    picture: str = panel.evaluate(
        "async (figure) => {"
        " const layers = () => [...figure.querySelectorAll('canvas')];"
        " while (!figure.hasAttribute('data-rests') || !layers().length)"
        " await new Promise((again) => requestAnimationFrame(again));"
        " return layers().map((canvas) => canvas.toDataURL()).join(' '); }"
    )
    return picture


def until(seen: Seen, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        seen.page.wait_for_timeout(100)
