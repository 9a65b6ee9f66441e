"""`make shots`: the screenshots of docs/, of the demo world: wide in both themes, some at phone width, some in Japanese."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page

from apps.demo.people import PASSWORD
from tests.browsers import chromium
from tests.live import ROOT, LiveServer

SHOTS = ROOT / "docs/screenshots"
WIDE, PHONE = (1440, 900), (390, 844)
# Pages have few colours but those of their lines; with this many none of them can be told from the page itself.
_COLOURS = 256
_PROJECT, _RUN = "/alice/vision", "/alice/vision/runs/demo0003"
PAGES = {
    "home": "/",
    "project": _PROJECT,
    "groups": f"{_PROJECT}?group=config.model&group=state",
    "compare": f"{_PROJECT}/compare?runs=demo0003,demo0005,demo0007,demo0008",
    "new-run": f"{_PROJECT}/new-run",
    "run": _RUN,
    "charts": f"{_RUN}/charts",
    "histograms": f"{_RUN}/histograms",
    "console": f"{_RUN}/console",
    "files": f"{_RUN}/files",
    "log": f"{_RUN}/log",
    "api-keys": "/settings/api-keys",
    "appearance": "/settings/appearance",
    "components": "/components",
    "rest-api": "/api/v1/docs",
}
ON_A_PHONE = ("home", "project", "compare", "run", "console", "files", "log", "appearance")
IN_JAPANESE = ("home", "project", "run")
Theme = Literal["light", "dark"]


def main() -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    with LiveServer() as server, chromium() as browser:
        server.manage("demo")
        for theme in ("light", "dark"):
            _take(browser, server.url, theme, WIDE, PAGES, suffix=f"-{theme}")
        _take(browser, server.url, "light", PHONE, ON_A_PHONE, suffix="-390")
        _take(browser, server.url, "light", WIDE, IN_JAPANESE, suffix="-ja", locale="ja-JP")


def _take(
    browser: Browser,
    url: str,
    theme: Theme,
    size: tuple[int, int],
    names: Iterable[str],
    *,
    suffix: str,
    locale: str = "en-US",
) -> None:
    viewport: Mapping[str, int] = {"width": size[0], "height": size[1]}
    context = browser.new_context(color_scheme=theme, viewport=viewport, locale=locale)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{url}/sign-in")
    _save(page, f"sign-in{suffix}")
    page.fill("input[name=login]", "alice")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{url}/")
    for name in names:
        page.goto(url + PAGES[name])
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(400)  # charts draw after their data
        _save(page, f"{name}{suffix}")
    context.close()


def _save(page: Page, name: str) -> None:
    """As a PNG with a palette: a third of the size, which a repository keeps for ever."""
    path: Path = SHOTS / f"{name}.png"
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
