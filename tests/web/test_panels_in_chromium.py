"""Panels in a real browser: many runs, hands on the axis, axes that scripts define, groups, odd values, what is told in words."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.live import LiveServer
from tests.web.in_chromium import IN_CHROMIUM, Seen, picture_of, until
from tests.web.odd_runs import HOSTILE
from tests.web.test_charts_in_chromium import _drag, _panel

pytestmark = IN_CHROMIUM

PROJECT, ODD, GROUPS, WIDE = "/alice/vision", "/alice/odd", "/alice/groups", "/alice/wide/runs/wide/charts"


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    with LiveServer() as live:
        live.manage("demo", "--runs", "24", "--steps", "1500")
        live.python("-m", "tests.web.odd_runs")
        yield live


def _over(panel: Locator) -> dict[str, float]:
    box = panel.locator(".u-over").bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def _zoom_of(seen: Seen) -> tuple[float, float]:
    _, _, text = seen.page.url.partition("zoom=")
    low, _, high = text.partition("&")[0].partition("%7E")
    return float(low), float(high)


def test_shift_and_drag_pans_every_panel(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{PROJECT}?zoom=600~900")
    panel = _panel(seen)
    other = _panel(seen, "val/loss")
    before = picture_of(other)

    seen.page.keyboard.down("Shift")
    _drag(seen, panel, 0.5, 0.25)
    seen.page.keyboard.up("Shift")

    until(seen, lambda: "zoom=600" not in seen.page.url)
    low, high = _zoom_of(seen)
    assert low == pytest.approx(675, abs=5)
    assert high - low == pytest.approx(300, abs=1)
    until(seen, lambda: picture_of(other) != before)
    assert seen.complaints == []


def test_a_drag_along_the_axis_pans_too(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{PROJECT}?zoom=600~900")
    box = _over(_panel(seen))
    mouse, y = seen.page.mouse, box["y"] + box["height"] + 12

    mouse.move(box["x"] + 50, y)
    mouse.down()
    mouse.move(box["x"] + 150, y, steps=5)
    mouse.up()

    until(seen, lambda: "zoom=600" not in seen.page.url)
    assert _zoom_of(seen)[0] < 550


def test_keys_pan_and_zoom_and_show_all_again(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{PROJECT}?zoom=600~900")
    plot = _panel(seen).locator(".plot")
    plot.focus()

    plot.press("ArrowRight")
    until(seen, lambda: "zoom=660" in seen.page.url)
    plot.press("+")
    until(seen, lambda: _zoom_of(seen)[1] - _zoom_of(seen)[0] == pytest.approx(240, abs=1))
    plot.press("0")
    until(seen, lambda: "zoom" not in seen.page.url)


def test_the_wheel_zooms_with_ctrl_and_else_scrolls(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    box = _over(_panel(seen))
    seen.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)

    seen.page.mouse.wheel(0, 40)
    until(seen, lambda: _over(_panel(seen))["y"] < box["y"])
    seen.settle()
    assert "zoom" not in seen.page.url
    seen.page.mouse.move(box["x"] + box["width"] / 2, _over(_panel(seen))["y"] + 40)
    seen.page.keyboard.down("Control")
    seen.page.mouse.wheel(0, -300)
    seen.page.keyboard.up("Control")

    until(seen, lambda: "zoom=" in seen.page.url)
    low, high = _zoom_of(seen)
    assert high - low < 1200


def test_runs_that_were_shown_before_are_not_asked_for_again(open_page: Any) -> None:
    seen = open_page()
    seen.go(PROJECT)
    eye = seen.page.locator("tbody [data-eye]").first
    eye.click()
    seen.settle()
    before = len(seen.series())

    eye.click()
    picture_of(_panel(seen))

    assert len(seen.series()) == before


def test_a_panel_lies_over_the_axis_that_its_script_defined(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{ODD}/runs/defined/charts")
    panel = _panel(seen, "val/acc")

    asked = [url for url in seen.series() if "key=val%2Facc" in url]
    assert asked
    assert all("x=epoch" in url for url in asked)
    panel.locator(".u-over").hover()
    expect(_panel(seen, "secret")).to_have_count(0)
    # A choice of the person goes first.
    seen.page.locator("form[data-chart-tools] [name=x]").select_option("_runtime")
    until(seen, lambda: "x=_runtime" in [url for url in seen.series() if "key=val%2Facc" in url][-1])


def test_a_zoom_is_of_one_axis(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{ODD}/runs/defined/charts?zoom=200~600&zx=epoch")

    assert any("key=val%2Facc" in url and "points=" in url for url in seen.series())
    assert not any("key=loss" in url and "first=" in url for url in seen.series())


def test_runs_without_the_axis_are_counted(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{ODD}?x=epoch")

    _panel(seen, "loss").scroll_into_view_if_needed()  # one out of sight is not drawn
    expect(_panel(seen, "loss").locator(".beside")).to_have_text("Runs without epoch: 3.")


def test_what_a_log_scale_cannot_show_is_said(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{ODD}?ys=log")

    for name in ("loss", "going", "val/acc"):
        _panel(seen, name).scroll_into_view_if_needed()
        expect(_panel(seen, name).locator(".beside")).to_contain_text("at or below zero")


def test_last_values_are_told_to_who_does_not_see(open_page: Any) -> None:
    seen = open_page()
    seen.go(GROUPS)

    label = _panel(seen, "m").locator(".plot").get_attribute("aria-label") or ""

    assert label.startswith("m as a chart. Last values: ")
    assert "4" in label
    assert "10" in label


def test_hostile_names_are_text_everywhere(open_page: Any) -> None:
    seen = open_page()
    seen.go(ODD)
    panel = seen.page.locator("figure[data-key^='<img']")
    _panel(seen, "loss").scroll_into_view_if_needed()
    _panel(seen, "loss").locator(".u-over").hover()
    panel.scroll_into_view_if_needed()

    expect(seen.page.locator("main img")).to_have_count(0)
    assert HOSTILE in (panel.locator(".plot").get_attribute("aria-label") or "")
    panel.hover()
    panel.locator(".menu summary").click()
    with seen.page.expect_download() as download:
        panel.get_by_text("Picture as PNG").click()
    assert not {"<", "/", "\u202e", '"'} & set(download.value.suggested_filename)
    assert seen.complaints == []
    assert seen.asked_elsewhere == []


def test_means_of_groups_by_hand(open_page: Any) -> None:
    """At 2: the mean of 2 and, half way from 2 to 10, 6; between these two. Beyond the end of a run it counts no more."""
    seen = open_page()
    seen.go(PROJECT)

    found = seen.page.evaluate(
        """async () => {
          const { together } = await import("/static/js/series.js");
          const line = (x, y, low, high) => ({ x: Float64Array.from(x), y: Float64Array.from(y), low: Float64Array.from(low ?? y), high: Float64Array.from(high ?? y) });
          const one = line([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], null, [0, 1, 9, 3, 4, 5]);
          const { x, y, low, high } = together([one, line([0, 4], [2, 10])]);
          return [x, y, low, high].map((column) => [...column]);
        }"""
    )

    assert found[0] == [0, 1, 2, 3, 4, 5]
    assert found[1] == [1, 2.5, 4, 5.5, 7, 5]
    assert found[2] == [0, 1, 2, 3, 4, 5]
    assert found[3] == [2, 4, 9, 8, 10, 5]


def test_groups_stand_as_lines_and_runs_again(open_page: Any) -> None:
    seen = open_page()
    seen.go(f"{GROUPS}?group=config.kind")
    panel = _panel(seen, "m")
    expect(panel.locator("canvas").first).to_be_visible()

    assert any("as=means" in url for url in seen.series())
    label = panel.locator(".plot").get_attribute("aria-label") or ""
    assert "7" in label
    assert label.count(",") == 1
    seen.page.locator("form[data-chart-tools] [name=groups]").uncheck()
    until(seen, lambda: (panel.locator(".plot").get_attribute("aria-label") or "").count(",") == 2)
    assert "lines=runs" in seen.page.url


def test_only_panels_in_sight_ask_and_draw(open_page: Any) -> None:
    """Two hundred metrics: what is out of sight has no canvas, and what scrolls away gives its canvas back."""
    seen = open_page()
    seen.go(WIDE)

    assert seen.page.locator("figure[data-key]").count() == 200
    assert len({url for url in seen.series() if "key=" in url}) < 40
    assert seen.page.locator("figure canvas").count() < 3 * 40
    seen.page.locator("figure[data-key]").last.scroll_into_view_if_needed()
    expect(seen.page.locator("figure[data-key]").last.locator("canvas")).to_have_count(3)
    expect(seen.page.locator("figure[data-key]").first.locator("canvas")).to_have_count(0)
    assert seen.page.locator("figure canvas").count() < 3 * 40


def test_panels_are_found_by_expression_and_folds_are_kept(open_page: Any) -> None:
    seen = open_page()
    seen.go(WIDE)
    find = seen.page.get_by_placeholder("Find a panel")

    find.fill(r"metric\\.(7|77)$".replace("\\\\", "\\"))
    expect(seen.page.locator("figure[data-key]:not([hidden])")).to_have_count(2)
    find.fill("metric.(")
    expect(seen.page.locator("figure[data-key]:not([hidden])")).to_have_count(0)
    expect(seen.page.get_by_text("No panel has such a name.")).to_be_visible()
    find.fill("")
    seen.page.locator("details[data-section=part1] > summary").click()
    until(seen, lambda: "fold=-part1" in seen.page.url)
    seen.page.reload()
    expect(seen.page.locator("details[data-section=part1]")).not_to_have_attribute("open", "")
    expect(seen.page.locator("details[data-section=part0]")).to_have_attribute("open", "")


def _size_and_ink(path: Path) -> tuple[int, int, int]:
    """Width, height and how many colours a PNG without a palette has."""
    data = path.read_bytes()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (depth, kind) in {(8, 6), (8, 2)}
    place, packed = 8, b""
    while place < len(data):
        size, name = struct.unpack(">I4s", data[place : place + 8])
        packed += data[place + 8 : place + 8 + size] if name == b"IDAT" else b""
        place += 12 + size
    return width, height, len(set(zlib.decompress(packed)))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_has_title_lines_and_legend(open_page: Any, theme: str) -> None:
    seen = open_page(color_scheme=theme)
    seen.page.add_init_script(
        "window.written = []; const write = CanvasRenderingContext2D.prototype.fillText;"
        "CanvasRenderingContext2D.prototype.fillText = function (text, ...at)"
        " { window.written.push([text, this.fillStyle]); return write.call(this, text, ...at); };"
    )
    seen.go(PROJECT)
    panel = _panel(seen)
    panel.hover()
    panel.locator(".menu summary").click()
    with seen.page.expect_download() as download:
        panel.get_by_text("Picture as PNG").click()

    width, height, ink = _size_and_ink(download.value.path())
    plot = panel.locator(".plot").bounding_box()
    assert plot is not None
    assert width == pytest.approx(plot["width"], abs=1)
    assert height > plot["height"] + 12 * 18 / 2
    assert ink > 50
    written = dict(seen.page.evaluate("written"))
    names = seen.page.locator("#drawn [data-place]").evaluate_all(
        "all => all.slice(0, 12).map((each) => each.dataset.name)"
    )
    assert "train/loss" in written
    assert set(names) <= set(written)
    lightness = seen.page.evaluate(
        "colour => { const ctx = document.createElement('canvas').getContext('2d'); ctx.fillStyle = colour;"
        " ctx.fillRect(0, 0, 1, 1); const [r, g, b] = ctx.getImageData(0, 0, 1, 1).data; return r + g + b; }",
        written[names[0]],
    )
    assert (lightness < 300) == (theme == "light")


def test_a_run_that_goes_on_is_followed_on_the_page_of_its_project(
    open_page: Any, server: LiveServer
) -> None:
    seen = open_page()
    seen.go(ODD)
    panel = _panel(seen, "going")
    panel.scroll_into_view_if_needed()
    label = panel.locator(".plot")
    until(
        seen,
        lambda: (
            "live" in (label.get_attribute("aria-label") or "")
            or "4" in (label.get_attribute("aria-label") or "")
        ),
    )

    server.python("-c", _MORE_ROWS)

    until(seen, lambda: "4 321" in (label.get_attribute("aria-label") or "").replace("\u2009", " "))
    followed = [url for url in seen.series() if "cursor=" in url and "key=going" in url]
    assert followed
    assert all(url.count("run=") == 1 for url in followed)  # those that ended are not asked for


_MORE_ROWS = """
import os, django; django.setup()
from apps.runs.models import Run
from apps.runs.history import store
from apps.runs.queries import open_run
from apps.runs.types import Lines, Stream, StreamRequest
run = next(run for run in Run.objects.filter(finished_at=None) if open_run(run).head.name == "live")
store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(5, ['{"_step": 5, "going": 4321, "loss": 1.0}'])}))
"""
