"""A run's pages in a real browser, with runs that go on meanwhile."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.clients import Http
from tests.live import LiveServer
from tests.wandb_protocol.client import WandbClient
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = IN_CHROMIUM

_PLACE = "/alice/vision/runs"


@pytest.fixture(scope="module")
def client(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> WandbClient:
    found = re.search(r"own_\w+", server.manage("issue_api_key", "alice"))
    assert found is not None
    return WandbClient(server, Path(tmp_path_factory.mktemp("home")), found.group())


@pytest.fixture(scope="module")
def finished(client: WandbClient) -> str:
    """A run with a deep config and histograms."""
    client.run("""
        import numpy as np
        config = {"a_optim": {"name": "adamw", "lr": 0.1}, "ids": list(range(300)), "text": "word " * 500}
        run = wandb.init(project="vision", id="whole", settings=FAST, config=config | {f"key{n}": n for n in range(400)})
        for step in range(90):
            run.log({"loss": 1 / (step + 1), "weights": wandb.Histogram(np_histogram=([step, 9], [-1, 0, 1 + step]))})
        run.finish()
    """)
    return f"{_PLACE}/whole"


class Going:
    """A run that logs when it is told to, with the client's requests, and ends when it is told to."""

    def __init__(self, http: Http, name: str) -> None:
        self._http, self._name = http, name
        self._step = 0
        self.path = f"{_PLACE}/{name}"
        http.make_run(name, config='{"lr": {"value": 1}}')

    def log(self, count: int = 1) -> None:
        steps = range(self._step, self._step + count)
        rows = [self._row(step) for step in steps]
        lines = [f"line {step}" for step in steps]
        self._send(history=(self._step, rows), output=(self._step, lines), summary=rows[-1])
        self._step += count

    def end(self) -> None:
        self._send(exitcode=0)

    def _send(self, **what: Any) -> None:
        assert self._http.send(self._name, **what) == 200

    def _row(self, step: int) -> dict[str, Any]:
        bins = {"_type": "histogram", "values": [step, 1], "bins": [0, 1, 2]}
        told = {"loss": 1 / (step + 1), "nest": {"deep": step}, "other": -step, "w": bins}
        return told | {"_step": step, "_timestamp": time.time(), "_runtime": float(step)}


@pytest.fixture
def going(server: LiveServer, client: WandbClient, request: pytest.FixtureRequest) -> Going:
    return Going(Http(server.url, key=client.key, project="vision"), request.node.name[:40])


def _until_it_moves(page: Page, going: Going, shown: Locator) -> None:
    """Log, and turn the page's clock on to when it asks again, until it shows something else."""
    before = shown.text_content()
    for _turn in range(20):
        going.log()
        page.clock.run_for(5000)
        page.wait_for_timeout(100)
        if shown.text_content() != before:
            return
    raise AssertionError(f"still {before!r}")


def _tree(page: Page, which: str) -> Any:
    return page.locator(f"#tree-{which}")


# ── Trees ──


def test_searching_a_tree_shows_matches_with_what_is_above(open_page: Any, finished: str) -> None:
    seen: Seen = open_page()
    seen.go(finished)
    config = _tree(seen.page, "config")

    seen.page.fill("#find-config", "adamw")

    expect(config.locator(".row")).to_have_count(2)
    expect(config).to_contain_text("optim")
    seen.page.fill("#find-config", "key399")
    expect(config.locator(".row .k")).to_have_text(["key399"])
    seen.page.fill("#find-config", "")
    expect(config.locator(".row").nth(10)).to_be_visible()
    assert seen.complaints == []


def test_what_was_left_out_comes_on_demand(open_page: Any, finished: str) -> None:
    seen: Seen = open_page()
    seen.go(finished)
    config = _tree(seen.page, "config")
    before = config.locator(".row").count()

    # A folded list fetches what is in it when it is unfolded.
    config.get_by_text("300 items").click()
    expect(config.locator(".row").filter(has_text=re.compile(r"^\s*199\s*199"))).to_be_visible()
    config.locator(".more a").last.click()
    expect(config.locator(".row .k", has_text="key350")).to_have_count(1)

    assert config.locator(".row").count() > before + 300
    assert seen.complaints == []


def test_keys_and_values_are_copied_by_pointer_and_by_keyboard(open_page: Any, finished: str) -> None:
    seen: Seen = open_page(permissions=["clipboard-read", "clipboard-write"])
    seen.go(finished)
    config = _tree(seen.page, "config")
    read = "navigator.clipboard.readText()"

    config.locator(".row", has_text="adamw").hover()
    config.get_by_role("button", name="Copy the key").click()
    expect(config.get_by_role("button", name="Copied")).to_be_visible()
    assert seen.page.evaluate(read) == "a_optim.name"

    summary = _tree(seen.page, "summary")
    row = summary.locator(".row", has_text="loss")
    summary.locator(".row").first.focus()
    for _ in range(20):
        if row.evaluate("row => row === document.activeElement"):
            break
        seen.page.keyboard.press("ArrowDown")
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    # The value to the letter, not the figure that is shown.
    expect(summary.get_by_role("button", name="Copied")).to_be_visible()
    assert float(seen.page.evaluate(read)) == 1 / 90


def test_folds_work_without_a_script(open_page: Any, finished: str) -> None:
    seen: Seen = open_page(java_script_enabled=False)
    seen.go(finished)

    branch = _tree(seen.page, "config").locator("details", has_text="adamw")
    expect(branch.get_by_text("adamw")).to_be_visible()
    branch.locator("summary").click()
    expect(branch.get_by_text("adamw")).to_be_hidden()
    seen.page.fill("#find-config", "adamw")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url(lambda url: url.endswith("/values/config?find=adamw"))
    expect(_tree(seen.page, "config").locator(".row")).to_have_count(2)


# ── Histograms ──


def test_a_slider_shows_the_histogram_of_each_step(open_page: Any, finished: str) -> None:
    seen: Seen = open_page()
    seen.go(f"{finished}/histograms")
    panel = seen.page.locator("figure[data-ridge=weights]")
    expect(panel.locator(".ridge path")).to_have_count(60)
    expect(panel.locator("[data-one]")).to_contain_text("Step 89: 98 values in 2 bins from -1 to 90.")

    panel.locator("input[type=range]").fill("0")

    expect(panel.locator("[data-one]")).to_contain_text("Step 0: 9 values in 2 bins from -1 to 1.")
    expect(panel.locator(".ridge path.chosen")).to_have_attribute("data-step", "0.0")
    panel.get_by_text("Counts and edges").click()
    panel.locator("input[type=range]").fill("59")
    expect(panel.locator("[data-one] td").nth(2)).to_have_text("89")
    assert seen.complaints == []
    assert seen.asked_elsewhere == []


def test_histograms_without_a_script(open_page: Any, finished: str) -> None:
    seen: Seen = open_page(java_script_enabled=False)
    seen.go(f"{finished}/histograms")

    seen.page.select_option("select[name=at]", label="0")
    seen.page.get_by_role("button", name="Show").click()

    expect(seen.page.locator("[data-one]")).to_contain_text("Step 0: 9 values")
    expect(seen.page.locator(".ridge path")).to_have_count(60)


# ── While a run goes on ──


def test_histograms_follow_a_run_and_leave_the_chosen_step(open_page: Any, going: Going) -> None:
    going.log(3)
    seen: Seen = open_page()
    seen.page.clock.install()
    seen.go(f"{going.path}/histograms")
    panel = seen.page.locator("figure[data-ridge=w]")
    expect(panel.locator(".ridge path").last).to_have_attribute("data-step", "2.0")

    panel.locator("input[type=range]").fill("0")
    expect(panel.locator("[data-one]")).to_contain_text("Step 0:")
    going.log()
    seen.page.clock.run_for(6000)
    expect(panel.locator(".ridge path").last).to_have_attribute("data-step", "3.0")

    expect(panel.locator(".ridge path.chosen")).to_have_attribute("data-step", "0.0")
    expect(panel.locator("[data-one]")).to_contain_text("Step 0:")
    assert seen.complaints == []


def test_all_of_the_overview_moves_and_rests_when_the_run_has_ended(open_page: Any, going: Going) -> None:
    seen: Seen = open_page()
    page = seen.page
    page.clock.install()
    seen.go(going.path)
    # Opened before the first metric, the page makes itself anew when it comes.
    going.log()
    page.clock.run_for(5000)
    expect(page.locator("figure.panel canvas").first).to_be_visible()
    deep = _tree(page, "summary").locator(".row", has_text="deep").locator(".v bdi")
    expect(deep).to_be_attached()
    _tree(page, "summary").locator("summary.row", has_text="nest").click()

    for each in (page.locator("#figures dd").first, page.locator("#when dd").last, deep):
        _until_it_moves(page, going, each)

    expect(page.locator("#tail")).to_contain_text("line")
    # The fold is as it was left.
    expect(deep).to_be_hidden()
    going.end()
    page.clock.run_for(5000)
    expect(page.locator("#run-head")).to_contain_text("finished")
    expect(page.locator("#when")).to_contain_text("Exit code0")
    # The charts look once more.
    page.clock.run_for(13_000)
    seen.settle()
    asked = len(seen.asked)
    page.clock.run_for(60_000)
    seen.settle()
    assert seen.asked[asked:] == []
    assert seen.complaints == []


def test_a_search_in_a_tree_that_moves_stays(open_page: Any, going: Going) -> None:
    going.log()
    seen: Seen = open_page()
    seen.page.clock.install()
    seen.go(going.path)
    summary = _tree(seen.page, "summary")

    seen.page.fill("#find-summary", "other")
    expect(summary.locator(".row")).to_have_count(1)
    _until_it_moves(seen.page, going, summary.locator(".row .v bdi"))

    expect(summary.locator(".row")).to_have_count(1)
    expect(seen.page.locator("#find-summary")).to_be_focused()


def test_a_page_that_nobody_looks_at_rests(open_page: Any, going: Going) -> None:
    going.log()
    seen: Seen = open_page()
    seen.page.clock.install()
    seen.go(going.path)
    expect(seen.page.locator("#figures dd").first).to_be_visible()
    seen.page.evaluate(
        "Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.away})"
    )

    seen.page.evaluate("window.away = true")
    seen.settle()
    asked = len(seen.asked)
    seen.page.clock.run_for(30_000)
    seen.settle()
    assert seen.asked[asked:] == []

    with seen.page.expect_request(lambda request: "/live" in request.url):
        seen.page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")


_GOES_ON = """
    run = wandb.init(project="vision", id="obeying", settings=FAST)
    tell(ready=True)
    try:
        while True:
            run.log({"loss": 1})
            time.sleep(0.2)
    except KeyboardInterrupt:
        run.finish(exit_code=255)
"""


def test_the_client_obeys_and_the_page_says_who_asked(open_page: Any, client: WandbClient) -> None:
    process = client.start(_GOES_ON)
    assert process.stdout is not None
    while "TELL" not in (line := process.stdout.readline()):
        assert line, "the client ended"
    seen: Seen = open_page()
    page = seen.page
    seen.go(f"{_PLACE}/obeying")
    head = page.locator("#run-head")
    ask = head.get_by_role("button", name="Ask it to stop")
    expect(ask).to_be_hidden()

    head.locator("summary", has_text="Stop").click()
    expect(head).to_contain_text("what it has logged stays")
    ask.click()

    expect(head).to_contain_text("alice asked it to stop")
    client.ended(process)
    expect(head).to_contain_text("killed")
    expect(head).not_to_contain_text("asked it to stop")
    assert seen.complaints == []


def test_asking_to_stop_without_a_script(open_page: Any, going: Going) -> None:
    seen: Seen = open_page(java_script_enabled=False)
    seen.go(going.path)

    seen.page.locator("#run-head summary", has_text="Stop").click()
    seen.page.get_by_role("button", name="Ask it to stop").click()

    expect(seen.page.locator("#run-head")).to_contain_text("alice asked it to stop")
