"""Charts of a project with ten thousand runs: fifty of them, with ten thousand points each, in every panel.

`python -m bench.charts_page` measures and prints. Frames are counted by the browser itself while a mouse moves.
"""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from apps.demo.people import PASSWORD
from bench.figures import Figure, median, share
from bench.report import report
from bench.world import OWNER, World
from tests.browsers import chromium

FRAMES_A_SECOND = 50.0
SIZE = {"width": 1440, "height": 900}
SHOWN = 50
REPEATS = 7
PACKED = "application/vnd.ownlog.points"
_KEY = "train/loss"
# How far apart two frames are, from when it is asked until it is asked again.
_FRAMES = """
window.framesApart = () => new Promise((resolve) => {
  const apart = []; let before = null;
  const step = (now) => {
    if (before !== null) apart.push(now - before);
    before = now;
    if (window.isWatching) requestAnimationFrame(step); else resolve(apart);
  };
  window.isWatching = true;
  requestAnimationFrame(step);
});
"""
_FIRST_CHART = """
new MutationObserver((_, seen) => {
  if (!document.querySelector("canvas.ink")) return;
  seen.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.firstChartAt = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
# The least that drawing can cost: the same lines, all of them in each frame, on a canvas with nothing around it.
_BARE = """
([width, height, lines, points]) => {
  document.body.innerHTML = `<canvas width="${width}" height="${height}"></canvas>`;
  const ctx = document.querySelector("canvas").getContext("2d");
  const values = Array.from({ length: lines * points }, () => Math.random() * height);
  let offset = 0;
  const step = () => {
    ctx.clearRect(0, 0, width, height);
    offset = (offset + 1) % 50;
    for (let line = 0; line < lines; line += 1) {
      ctx.strokeStyle = `hsl(${line * 30} 60% 40%)`;
      ctx.beginPath();
      for (let i = 0; i < points; i += 1) ctx.lineTo((i / points) * width - offset, values[line * points + i]);
      ctx.stroke();
    }
    if (window.isWatching !== false) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}
"""


def measure(world: World) -> list[Figure]:
    """Charts of 50 runs of 10 000 points each in headless Chromium with its software renderer; the floor of frames is a bare canvas that strokes as many segments anew in each, of an answer a bare server that sends as many bytes."""
    with chromium() as browser:
        page = _signed_in(browser, world)
        body = _points(page, world)
        figures = [_first_chart(page, world), _answer(page, world, len(body))]
        _open(page, world)
        box = _box(page)
        floor = _bare_frames(browser, box, segments=len(body) // 16)
        for name, act in (("pan", _pan), ("zoom", _zoom), ("hover", _hover)):
            figures += _frames(name, page, act, floor, is_alone=True)
            figures += _frames(name, page, act, floor, is_alone=False)
    return figures


def _signed_in(browser: Browser, world: World) -> Page:
    page = browser.new_context(viewport=SIZE).new_page()  # type: ignore[arg-type]
    page.add_init_script(_FRAMES + _FIRST_CHART)
    url = world.server.url
    page.goto(f"{url}/sign-in")
    page.fill("input[name=login]", OWNER)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{url}/")
    return page


def _address(world: World) -> str:
    return f"{world.server.url}{world.path}?first={SHOWN}"


def _open(page: Page, world: World, zoom: str = "") -> None:
    page.goto(_address(world) + zoom)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)


def _series_address(world: World) -> str:
    runs = "".join(f"&run={each}" for each in world.long_ids[:SHOWN])
    return f"{world.server.url}{world.path}/series?key={_KEY}&points=300{runs}"


def _points(page: Page, world: World) -> bytes:
    answer = page.request.get(_series_address(world), headers={"Accept": PACKED})
    assert answer.ok
    return answer.body()


def _first_chart(page: Page, world: World) -> Figure:
    def once() -> float:
        page.goto(_address(world))
        page.wait_for_load_state("networkidle")
        return float(page.evaluate("window.firstChartAt"))

    once()
    return Figure(
        "first chart of 50 runs on screen, from navigation", median([once() for _ in range(5)]), "ms"
    )


def _answer(page: Page, world: World, size: int) -> Figure:
    value = median([_timed(lambda: _points(page, world)) for _ in range(REPEATS)])
    with _bare_server(bytes(size)) as url:
        floor = median([_timed(lambda: page.request.get(url).body()) for _ in range(REPEATS)])
    return Figure(
        f"one metric of 50 runs, asked and answered ({size / 1000:.0f} kB)", value, "ms", floor=floor
    )


def _timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


@contextmanager
def _bare_server(body: bytes) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ── Frames ──

Box = dict[str, float]


def _box(page: Page) -> Box:
    over = page.locator(f"figure[data-key='{_KEY}'] .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def _frames(
    name: str, page: Page, act: Callable[[Page, Box], None], floor: float, *, is_alone: bool
) -> list[Figure]:
    """In the one panel that a search leaves, as is promised, or over all in sight, which move together."""
    _zoomed(page, search=f"&panel={_KEY}" if is_alone else "")
    box = _box(page)
    page.evaluate("window.watched = window.framesApart(); 0")
    act(page, box)
    apart = page.evaluate("window.isWatching = false, window.watched")
    where = "one panel" if is_alone else "all panels in sight"
    what = f"{name}, 50 runs of 10 000 points in {where}"
    return [
        Figure(
            f"{what}, frames a second",
            1000 * len(apart) / sum(apart),
            "/s",
            floor=floor,
            limit=FRAMES_A_SECOND if is_alone else None,
            more_is_better=True,
        ),
        Figure(f"{what}, 95 of 100 frames come within", share(apart, 95), "ms"),
    ]


def _zoomed(page: Page, *, search: str) -> None:
    """Begin in the middle, with room to either side."""
    url = page.url.split("&zoom")[0].split("&panel")[0]
    page.goto(f"{url}&zoom=4000~6000&zx=_step{search}")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)


def _pan(page: Page, box: Box) -> None:
    y = box["y"] + box["height"] / 2
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 150, y)
    page.mouse.down()
    for turn in range(240):
        away = turn % 120 if turn % 240 < 120 else 120 - turn % 120
        page.mouse.move(box["x"] + 150 - away * 2, y)
    page.mouse.up()
    page.keyboard.up("Shift")


def _zoom(page: Page, box: Box) -> None:
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    for turn in range(160):
        page.mouse.wheel(0, 20 if turn % 80 < 40 else -20)
    page.keyboard.up("Control")


def _hover(page: Page, box: Box) -> None:
    for turn in range(240):
        page.mouse.move(box["x"] + 20 + turn, box["y"] + 30 + turn % 60)


def _bare_frames(browser: Browser, box: Box, *, segments: int) -> float:
    page = browser.new_page()
    page.evaluate(f"{_FRAMES} 0")  # or the function it ends in would be called
    page.evaluate(_BARE, [int(box["width"]), int(box["height"]), SHOWN, segments // SHOWN])
    page.evaluate("window.watched = window.framesApart(); 0")
    page.wait_for_timeout(2000)
    apart = page.evaluate("window.isWatching = false, window.watched")
    page.close()
    return float(1000 * len(apart) / sum(apart))


def main() -> None:
    with World() as world:
        report("charts_page", measure(world))


if __name__ == "__main__":
    main()
