"""A run's pages in a real browser, with runs that the real client logs meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.live import LiveServer
from tests.wandb_protocol.client import WandbClient
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = IN_CHROMIUM

_PLACE = "/alice/vision/runs"
_WAIT = 20_000


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


_GOES_ON = """
    run = wandb.init(project="vision", id="{name}", settings=FAST, config={{"lr": 1}})
    tell(ready=True)
    step = 0
    try:
        while not os.path.exists("end"):
            run.log({{"loss": 1 / (step + 1), "nest": {{"deep": step}}, "other": -step,
                     "w": wandb.Histogram(np_histogram=([step, 1], [0, 1, 2]))}})
            if step % 10 == 0: print("line", step, flush=True)
            step += 1
            time.sleep(0.2)
    except KeyboardInterrupt:
        run.finish(exit_code=255)
    else:
        run.finish()
"""


@pytest.fixture
def going(client: WandbClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A run that goes on until its client is stopped, or told by a file that it is enough."""
    end = client.home / "end"
    end.unlink(missing_ok=True)
    process = client.start(_GOES_ON.format(name=request.node.name[:40]))
    assert process.stdout is not None
    while "TELL" not in (line := process.stdout.readline()):
        assert line, "the client ended"
    yield f"{_PLACE}/{request.node.name[:40]}"
    end.touch()
    process.communicate(timeout=60)


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
    seen.page.wait_for_url("**/values/config?find=adamw")
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


def test_histograms_follow_a_run_and_leave_the_chosen_step(open_page: Any, going: str) -> None:
    seen: Seen = open_page()
    seen.go(going)
    # The tab is there once there is a histogram.
    expect(seen.page.locator("figure.panel canvas").first).to_be_visible(timeout=_WAIT)
    seen.go(f"{going}/histograms")
    panel = seen.page.locator("figure[data-ridge=w]")
    newest = panel.locator(".ridge path").last
    before = newest.get_attribute("data-step") or ""

    panel.locator("input[type=range]").fill("0")
    expect(panel.locator("[data-one]")).to_contain_text("Step 0:")
    expect(newest).not_to_have_attribute("data-step", before, timeout=_WAIT)

    expect(panel.locator(".ridge path.chosen")).to_have_attribute("data-step", "0.0")
    expect(panel.locator("[data-one]")).to_contain_text("Step 0:")
    assert seen.complaints == []


def test_all_of_the_overview_moves_and_rests_when_the_run_has_ended(
    open_page: Any, going: str, client: WandbClient
) -> None:
    seen: Seen = open_page()
    page = seen.page
    seen.go(going)
    # Opened before the first metric, the page makes itself anew when it comes.
    expect(page.locator("figure.panel canvas").first).to_be_visible(timeout=_WAIT)
    deep = _tree(page, "summary").locator(".row", has_text="deep").locator(".v bdi")
    expect(deep).to_be_attached(timeout=_WAIT)
    _tree(page, "summary").locator("summary.row", has_text="nest").click()
    figure, duration = page.locator("#figures dd").first, page.locator("#when dd").last
    first = [each.inner_text() for each in (figure, duration)] + [deep.text_content()]

    for each, before in zip((figure, duration, deep), first, strict=True):
        expect(each).not_to_have_text(before or "", timeout=_WAIT)

    expect(page.locator("#tail")).to_contain_text("line")
    # The fold is as it was left.
    expect(deep).to_be_hidden()
    (client.home / "end").touch()
    expect(page.locator("#run-head")).to_contain_text("finished", timeout=_WAIT)
    expect(page.locator("#when")).to_contain_text("Exit code0")
    page.wait_for_timeout(13_000)
    asked = len(seen.asked)
    page.wait_for_timeout(7000)
    assert seen.asked[asked:] == []
    assert seen.complaints == []


def test_a_search_in_a_tree_that_moves_stays(open_page: Any, going: str) -> None:
    seen: Seen = open_page()
    seen.go(going)
    summary = _tree(seen.page, "summary")
    expect(summary.locator(".row", has_text="other")).to_be_visible(timeout=_WAIT)

    seen.page.fill("#find-summary", "other")
    expect(summary.locator(".row")).to_have_count(1)
    value = summary.locator(".row .v bdi")
    before = value.inner_text()

    expect(value).not_to_have_text(before, timeout=_WAIT)
    expect(summary.locator(".row")).to_have_count(1)
    expect(seen.page.locator("#find-summary")).to_be_focused()


def test_a_page_that_nobody_looks_at_rests(open_page: Any, going: str) -> None:
    seen: Seen = open_page()
    seen.go(going)
    expect(seen.page.locator("#figures dd").first).to_be_visible(timeout=_WAIT)
    seen.page.evaluate(
        "Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.away})"
    )

    seen.page.evaluate("window.away = true")
    seen.page.wait_for_timeout(1000)
    asked = len(seen.asked)
    seen.page.wait_for_timeout(9000)
    assert seen.asked[asked:] == []

    seen.page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    seen.page.wait_for_timeout(1500)
    assert any("/live" in url for url in seen.asked[asked:])


def test_the_client_obeys_and_the_page_says_who_asked(open_page: Any, going: str) -> None:
    seen: Seen = open_page()
    page = seen.page
    seen.go(going)
    head = page.locator("#run-head")
    ask = head.get_by_role("button", name="Ask it to stop")
    expect(ask).to_be_hidden()

    head.locator("summary", has_text="Stop").click()
    expect(head).to_contain_text("what it has logged stays")
    ask.click()

    expect(head).to_contain_text("alice asked it to stop")
    expect(head).to_contain_text("killed", timeout=60_000)
    expect(head).not_to_contain_text("asked it to stop")
    assert seen.complaints == []


def test_asking_to_stop_without_a_script(open_page: Any, going: str) -> None:
    seen: Seen = open_page(java_script_enabled=False)
    seen.go(going)

    seen.page.locator("#run-head summary").click()
    seen.page.get_by_role("button", name="Ask it to stop").click()

    expect(seen.page.locator("#run-head")).to_contain_text("alice asked it to stop")
