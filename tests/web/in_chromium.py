"""A page in a real browser, with everything that it asks for and complains of."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Locator, Page, Request

from apps.demo.people import PASSWORD
from tests.browsers import chromium_path

IN_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed: no page was looked at"),
]
# Two frames, since what is seen first asks in the first one; then a moment in which nothing is left to be done.
_RESTS = """() => new Promise((rested) => {
  const idle = () => requestIdleCallback(() => rested(true), { timeout: 2000 });
  requestAnimationFrame(() => requestAnimationFrame(idle));
})"""


@dataclass
class Seen:
    """A page with everything that it asked for or complained of."""

    page: Page
    url: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    has_scripts: bool = True

    def __post_init__(self) -> None:
        self._begun = self._ended = 0
        self.page.on("request", self._note_request)
        for end in ("requestfinished", "requestfailed"):
            self.page.on(end, self._note_end)
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note_request(self, request: Request) -> None:
        self.asked.append(request.url)
        self._begun += 1

    def _note_end(self, _request: Request) -> None:
        self._ended += 1

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
        self.settle()

    def settle(self) -> None:
        """Until the page has nothing to do and waits for no answer; a fixed time without requests would be waited each time."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            before = self._begun
            if self.has_scripts:
                self.page.evaluate(_RESTS)
            else:
                self.page.wait_for_timeout(20)
            if before == self._begun and self._ended >= self._begun:
                return
        raise TimeoutError(f"{self.page.url} does not come to rest; asked last for {self.asked[-3:]}")

    def enter(self, name: str = "alice") -> None:
        """Sign in without looking at a page: this browser has the cookie from now on."""
        asking = self.page.context.request
        page = asking.get(f"{self.url}/sign-in").text()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        form = {"login": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        answer = asking.post(f"{self.url}/sign-in", form=form, max_redirects=0)
        assert answer.status == 302, answer.text()

    def sign_in(self, name: str = "alice") -> None:
        self.enter(name)
        self.go("/")

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
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        seen.page.wait_for_timeout(50)
