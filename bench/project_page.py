"""The project page over ten thousand runs: how soon it is there, how soon it answers a hand, what it carries.

python -m bench.project_page
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page

from bench.figures import Figure, median
from bench.report import report
from bench.world import OWNER, World
from tests.browsers import chromium
from tests.web.in_chromium import Seen

_TURNS = 5
_MOST_PAINT, _MOST_ANSWER, _MOST_SCRIPT = 600.0, 100.0, 250.0
# What the event timing API calls an interaction: its longest duration is the interaction to next paint.
_WATCH = """
window.longest = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.interactionId) window.longest = Math.max(window.longest, entry.duration);
}).observe({ type: "event", durationThreshold: 16, buffered: true });
"""
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_SERVER = "performance.getEntriesByType('navigation')[0].responseEnd"
_SCRIPTS = """
performance.getEntriesByType('resource').filter((one) => one.name.split('?')[0].endsWith('.js'))
  .reduce((sum, one) => sum + one.encodedBodySize, 0) / 1000
"""
_FRAMES = """
async () => {
  const pane = document.querySelector('section.runs');
  let [worst, before] = [0, performance.now()];
  for (let turn = 0; turn < 60; turn += 1) {
    pane.scrollTop += 240;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    worst = Math.max(worst, now - before);
    before = now;
  }
  return worst;
}
"""


def measure(world: World) -> list[Figure]:
    """The page of a project of 10 000 runs in headless Chromium, the median of five turns; the floor of a paint is when the answer was there."""
    with chromium() as browser:
        signed_in = _signed_in(browser, world)
        return [*_pages(browser, world, signed_in), *_answers(browser, world, signed_in)]


def _signed_in(browser: Browser, world: World) -> Any:
    seen = Seen(browser.new_context().new_page(), world.server.url)
    seen.sign_in(OWNER)
    return seen.page.context.storage_state()


def _open(browser: Browser, world: World, state: Any, query: str = "") -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 900}, storage_state=state).new_page()
    page.goto(f"{world.server.url}{world.path}{query}")
    page.wait_for_selector("table[data-ready]")
    page.wait_for_load_state("networkidle")
    return page


def _pages(browser: Browser, world: World, state: Any) -> list[Figure]:
    queries = {
        "as it opens": "",
        "sorted by a metric": "?order=-summary_metrics.val%2Facc",
        "filtered": "?q=config.lr+%3E+2e-4",
        "in groups": "?group=config.model",
    }
    figures = []
    for name, query in queries.items():
        paints, answers = [], []
        for _turn in range(_TURNS):
            page = _open(browser, world, state, query)
            paints.append(page.evaluate(_PAINT))
            answers.append(page.evaluate(_SERVER))
            scripts = page.evaluate(_SCRIPTS)
            page.context.close()
        figures.append(
            Figure(f"first contentful paint, {name}", median(paints), "ms", median(answers), _MOST_PAINT)
        )
    return [*figures, Figure("script on the page, compressed", scripts, "kB", limit=_MOST_SCRIPT)]


def _answers(browser: Browser, world: World, state: Any) -> list[Figure]:
    acts: dict[str, tuple[str, Callable[[Page], None]]] = {
        "choose a run": ("", lambda page: page.locator("input[name=runs]").nth(3).click()),
        "choose all": ("", lambda page: page.locator("[data-choose-all]").click()),
        "open an eye": ("", lambda page: page.locator("[data-eye]").nth(14).click()),
        "a key in the filter": ("", lambda page: page.get_by_label("Add a condition").press("a")),
        "a key that goes to the next row": ("", _walk),
        "unfold a group of thousands": (
            "?group=config.model",
            lambda page: page.locator("[data-fold]").first.click(),
        ),
    }
    figures = []
    for name, (query, act) in acts.items():
        found = [_longest(browser, world, state, query, act) for _turn in range(_TURNS)]
        figures.append(Figure(f"interaction to next paint, {name}", median(found), "ms", limit=_MOST_ANSWER))
    page = _open(browser, world, state)
    frame = page.evaluate(_FRAMES)
    page.context.close()
    return [*figures, Figure("longest frame while scrolling", frame, "ms", limit=_MOST_ANSWER)]


def _walk(page: Page) -> None:
    for _step in range(30):
        page.keyboard.press("j")


def _longest(browser: Browser, world: World, state: Any, query: str, act: Callable[[Page], None]) -> float:
    page = _open(browser, world, state, query)
    page.evaluate(_WATCH)
    act(page)
    page.wait_for_timeout(600)
    longest: float = page.evaluate("window.longest")
    page.context.close()
    return longest


if __name__ == "__main__":
    with World(long_runs=12, points=1000) as made:
        report("project_page", measure(made))
