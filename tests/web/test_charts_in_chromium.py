"""Charts in a real browser: what one may choose, that it is kept in the address, and what one may take away."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.web.in_chromium import IN_CHROMIUM, Seen, picture_of, until

pytestmark = IN_CHROMIUM

PROJECT, CHARTS = "/alice/vision", "/alice/vision/runs/demo0003/charts"


def _panel(seen: Seen, key: str = "train/loss") -> Locator:
    return seen.page.locator(f"figure[data-key='{key}']")


def _drag(seen: Seen, panel: Locator, first: float, last: float) -> None:
    box = panel.locator(".u-over").bounding_box()
    assert box is not None
    mouse, y = seen.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + box["width"] * first, y)
    mouse.down()
    mouse.move(box["x"] + box["width"] * last, y, steps=5)
    mouse.up()


@pytest.mark.parametrize(
    ("name", "kept"), [("smooth", "smooth=0.9"), ("ys", "ys=log"), ("xs", "xs=log"), ("x", "x=_runtime")]
)
def test_a_choice_draws_anew_and_stays_in_the_address(open_page: Any, name: str, kept: str) -> None:
    seen = open_page()
    seen.go(PROJECT)
    seen.page.mouse.move(0, 0)  # off the rows and panels: what is under the pointer is drawn otherwise
    before = picture_of(_panel(seen))
    field = seen.page.locator(f"form[data-chart-tools] [name={name}]")

    if name == "x":
        field.select_option("_runtime")
    elif name == "smooth":
        field.fill("0.9")
    else:
        field.check()
    until(seen, lambda: picture_of(_panel(seen)) != before)
    assert kept in seen.page.url
    # What leads back to this page leads back to this view of it.
    head = seen.page.locator("th a.sort").first
    assert kept in str(head.get_attribute("href"))
    assert seen.complaints == []

    drawn = picture_of(_panel(seen))
    seen.page.reload()
    assert picture_of(_panel(seen)) == drawn


def test_a_metric_on_the_x_axis(open_page: Any) -> None:
    seen = open_page()
    seen.go(CHARTS)

    seen.page.locator("form[data-chart-tools] [name=x]").select_option("lr")

    until(seen, lambda: any("x=lr" in url for url in seen.series()))
    seen.settle()
    _panel(seen).locator(".u-over").hover()
    expect(_panel(seen).locator(".at b")).not_to_be_empty()
    assert seen.complaints == []


def test_zoom_asks_for_detail_and_a_double_click_leaves_it(open_page: Any) -> None:
    seen = open_page()
    seen.go(CHARTS)

    with seen.page.expect_response(lambda answer: "first=" in answer.url):
        _drag(seen, _panel(seen), 0.4, 0.6)

    expect(seen.page.get_by_role("button", name="Zoom out")).to_be_visible()
    found = re.search(r"zoom=([\d.]+)%7E([\d.]+)", seen.page.url)
    assert found is not None
    assert 550 < float(found[1]) < 650 < 850 < float(found[2]) < 950
    _panel(seen).locator(".u-over").dblclick()
    expect(seen.page.get_by_role("button", name="Zoom out")).to_be_hidden()
    assert "zoom" not in seen.page.url


def test_a_smoothed_line_has_the_logged_one_behind_it(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{CHARTS}?smooth=0.95")
    panel = _panel(seen, "val/loss")
    lines = panel.locator("canvas.ink:not(.over)")
    picture_of(panel)  # waits until it rests

    # Ink of the line at full strength, and of the line behind at little more than a quarter of it.
    alphas = lines.evaluate(
        "canvas => { const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"
        "const found = new Set(); for (let i = 3; i < d.length; i += 4) found.add(d[i]); return [...found]; }"
    )
    assert 255 in alphas
    assert any(60 <= alpha <= 80 for alpha in alphas)


@pytest.mark.parametrize("url", [PROJECT, CHARTS])
def test_a_panel_as_a_table_csv_and_picture(open_page: Any, url: str) -> None:
    seen = open_page()
    seen.go(f"{url}?x=_runtime")
    panel = _panel(seen)
    panel.hover()

    def choose(what: str) -> None:
        panel.locator(".menu summary").click()
        panel.locator(".menu").get_by_text(what).click()

    with seen.page.expect_download() as download:
        choose("Points as CSV")
    lines = download.value.path().read_text().splitlines()
    assert download.value.suggested_filename == "train-loss.csv"
    assert lines[0] == "run,_runtime,train/loss"
    assert len(lines) > 1000
    with seen.page.expect_download() as download:
        choose("Picture as PNG")
    assert download.value.suggested_filename == "train-loss.png"
    assert download.value.path().read_bytes().startswith(b"\x89PNG")
    choose("As a table")
    expect(panel.locator(".as-table tbody tr").first).to_be_visible()
    choose("As a table")
    expect(panel.locator(".as-table")).to_be_hidden()
    assert seen.complaints == []
    assert seen.asked_elsewhere == []


def test_full_screen_and_back(open_page: Any) -> None:
    seen = open_page()
    seen.go(CHARTS)
    panel = _panel(seen)
    panel.hover()

    panel.get_by_role("button", name="Full screen").click()
    until(seen, lambda: bool(seen.page.evaluate("document.fullscreenElement?.dataset.key === 'train/loss'")))
    until(seen, lambda: int(panel.locator("canvas").first.evaluate("canvas => canvas.clientHeight")) > 500)
    panel.get_by_role("button", name="Full screen").click()
    until(seen, lambda: bool(seen.page.evaluate("document.fullscreenElement === null")))


def test_panels_are_found_by_name(open_page: Any) -> None:
    seen = open_page()
    seen.go(CHARTS)

    seen.page.get_by_placeholder("Find a panel").fill("VAL/")

    expect(_panel(seen, "val/acc")).to_be_visible()
    expect(_panel(seen)).to_be_hidden()


def test_tables_and_points_without_a_script(open_page: Any) -> None:
    seen = open_page(java_script_enabled=False)
    seen.go(PROJECT)
    panel = _panel(seen)

    panel.hover()
    panel.locator(".menu summary").click()
    panel.get_by_text("As a table").click()

    expect(seen.page.get_by_role("heading", level=1)).to_have_text("train/loss")
    expect(seen.page.locator("tbody tr")).to_have_count(12)


def test_what_the_frame_cuts_off_is_written_at_the_edge(open_page: Any) -> None:
    """The first losses of a run are high: the rest is drawn large, and how high they were is said."""
    seen = open_page()
    seen.page.add_init_script(
        "window.written = []; const write = CanvasRenderingContext2D.prototype.fillText;"
        "CanvasRenderingContext2D.prototype.fillText = function (text, ...at)"
        " { window.written.push(text); return write.call(this, text, ...at); };"
    )

    def begin_high(route: Route) -> None:
        answer = route.fetch()
        body = bytearray(answer.body())
        size = int.from_bytes(body[:4], "little")
        place = 4 + size
        for one in json.loads(body[4:place])["series"]:
            struct.pack_into("<d", body, place + 8 * one["count"], 640.0)  # y lies behind x
            place += 16 * one["count"]
        route.fulfill(response=answer, body=bytes(body))

    seen.page.route("**/series?*", begin_high)
    seen.go(CHARTS)

    until(seen, lambda: bool(seen.page.evaluate("written.includes('↑ 640')")))
