"""`make shots`: the screenshots of docs/, of the demo world, in both themes and at phone width."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from apps.demo.people import PASSWORD
from tests.browsers import chromium
from tests.live import ROOT, LiveServer

SHOTS = ROOT / "docs/screenshots"
WIDE, PHONE = (1440, 900), (390, 844)
PAGES = {
    "home": "/",
    "project": "/alice/vision",
    "compare": "/alice/vision/compare?runs=demo0003,demo0005,demo0007,demo0008",
    "run": "/alice/vision/runs/demo0003",
    "charts": "/alice/vision/runs/demo0003/charts",
    "console": "/alice/vision/runs/demo0003/console",
    "files": "/alice/vision/runs/demo0003/files",
    "api-keys": "/settings/api-keys",
}
Theme = Literal["light", "dark"]


def main() -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    with LiveServer() as server, chromium() as browser:
        server.manage("demo")
        for theme in ("light", "dark"):
            _take(browser, server.url, theme, WIDE, suffix=f"-{theme}")
        _take(browser, server.url, "light", PHONE, suffix="-390")


def _take(browser: Browser, url: str, theme: Theme, size: tuple[int, int], *, suffix: str) -> None:
    context = browser.new_context(color_scheme=theme, viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.goto(f"{url}/sign-in")
    _save(page, f"sign-in{suffix}")
    page.fill("input[name=login]", "alice")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{url}/")
    for name, path in PAGES.items():
        page.goto(url + path)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(400)  # charts draw after their data
        _save(page, f"{name}{suffix}")
    context.close()


def _save(page: Page, name: str) -> None:
    path: Path = SHOTS / f"{name}.png"
    page.screenshot(path=path)
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
