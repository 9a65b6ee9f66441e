"""Media in a browser: steps by a slider, one picture over the whole screen; pages that runs log reach nothing from their frames."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Frame, expect

from tests.live import LiveServer
from tests.web.axe import violations
from tests.web.in_chromium import IN_CHROMIUM, Seen

pytestmark = IN_CHROMIUM

PAGE = "/alice/vision/runs/frames/media"
# Everything that a page could try, each with what came of it; what throws says why.
HOSTILE = """<!doctype html><meta http-equiv="refresh" content="86400;url={away}/refresh">
<link rel="stylesheet" href="{away}/style.css"><link rel="prefetch" href="{away}/prefetch">
<script src="{away}/script.js"></script><img src="{away}/image"><video src="{away}/video"></video>
<object data="{away}/object"></object><embed src="{away}/embed"><iframe src="{away}/frame"></iframe>
<iframe src="/alice/vision"></iframe><iframe srcdoc="<script>new Image().src='{away}/inner'</script>"></iframe>
<style>@import url({away}/import.css); @font-face {{ font-family: x; src: url({away}/font) }} body {{ font-family: x; background: url({away}/background) }}</style>
<form id="form" action="/sign-out" method="post"><input name="x"></form><p>text</p>
<script>
const told = {{}};
const tell = async (name, act) => {{
  try {{ const came = await act(); told[name] = came === undefined ? "nothing" : String(came); }}
  catch (error) {{ told[name] = "refused"; }}
}};
const until = (make, good, bad) => new Promise((resolve, reject) => {{
  const thing = make();
  thing.addEventListener(good, () => resolve("reached"));
  thing.addEventListener(bad, () => reject(new Error(bad)));
}});
window.tried = (async () => {{
  await tell("origin", () => window.origin);
  await tell("cookie", () => document.cookie);
  await tell("set cookie", () => {{ document.cookie = "a=1"; }});
  await tell("local storage", () => localStorage.length);
  await tell("session storage", () => sessionStorage.length);
  await tell("database", () => new Promise((done, no) => {{ const open = indexedDB.open("x"); open.onsuccess = () => done("opened"); open.onerror = no; }}));
  await tell("caches", () => caches.open("x"));
  await tell("worker of the site", () => navigator.serviceWorker.register("/static/js/media.js"));
  await tell("worker", () => until(() => new Worker(URL.createObjectURL(new Blob(["1"]))), "message", "error"));
  await tell("parent", () => parent.document.title);
  await tell("top", () => top.document.title);
  await tell("address of top", () => {{ top.location = "{away}/top"; }});
  await tell("window", () => window.open("{away}/window"));
  await tell("fetch of the site", () => fetch("/alice/vision", {{ credentials: "include" }}));
  await tell("fetch of the site unread", () => fetch("/alice/vision", {{ mode: "no-cors", credentials: "include" }}));
  await tell("fetch away", () => fetch("{away}/fetch", {{ mode: "no-cors" }}));
  await tell("beacon", () => navigator.sendBeacon("{away}/beacon", "x"));
  await tell("socket", () => until(() => new WebSocket("{away}/socket".replace("http", "ws")), "open", "error"));
  await tell("events", () => until(() => new EventSource("{away}/events"), "open", "error"));
  await tell("image of the site", () => until(() => Object.assign(new Image(), {{ src: "/static/img/mark.svg" }}), "load", "error"));
  await tell("image away", () => until(() => Object.assign(new Image(), {{ src: "{away}/later" }}), "load", "error"));
  await tell("script away", () => import("{away}/module.js"));
  await tell("form", () => document.getElementById("form").submit());
  await tell("dialog", () => confirm("x"));
  return told;
}})();
</script>"""
_PICTURES = """
import django; django.setup()
import io
from PIL import Image
from apps.accounts.models import User
from apps.core import jsontext
from apps.files.services import announce_files, store_file
from apps.runs.history import store
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import work
alice = User.objects.get(username="alice")
run = work.run(work.project("alice", "vision", by=alice), "pictures", by=alice)
def one(step, n):
    written = io.BytesIO()
    Image.new("RGB", (200, 120), (step * 60, n * 90, 90)).save(written, "PNG")
    return written.getvalue()
files = {f"media/{step}_{n}.png": one(step, n) for step in range(3) for n in range(2)}
rows = [{"_step": step * 10, "grid": {"_type": "images/separated", "count": 2, "width": 200, "height": 120, "format": "png",
         "filenames": [f"media/{step}_{n}.png" for n in range(2)], "captions": [f"step {step} no {n}" for n in range(2)]}} for step in range(3)]
store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(first=0, lines=[jsontext.dumps(row) for row in rows])}))
for announced, content in zip(announce_files(run, list(files)), files.values(), strict=True):
    store_file(announced.file, [content])
"""
_MAKE = """
import django; django.setup()
import sys
from apps.accounts.models import User
from apps.core import jsontext
from apps.files.services import announce_files, store_file
from apps.runs.history import store
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import work
alice = User.objects.get(username="alice")
run = work.run(work.project("alice", "vision", by=alice), "frames", by=alice)
row = {"_step": 0, "page": {"_type": "html-file", "path": "media/html/page.html"}}
store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(first=0, lines=[jsontext.dumps(row)])}))
(announced,) = announce_files(run, ["media/html/page.html"])
store_file(announced.file, [sys.argv[1].encode()])
"""


class Elsewhere:
    """Another site: it listens, and remembers whoever comes."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.came: list[bytes] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                one, _ = self.listener.accept()
            except OSError:
                return
            with one:
                one.settimeout(5)
                try:
                    said = one.recv(4096)
                    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                except OSError:
                    said = b""
            self.came.append(said.partition(b"\r\n")[0])

    def close(self) -> None:
        self.listener.close()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    site = Elsewhere()
    yield site
    site.close()


def _framed(seen: Seen) -> Frame:
    """The frame of the logged page, once it has one."""
    handle = seen.page.wait_for_selector(".framed iframe")
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_selector("#form")
    return frame


def _heard(elsewhere: Elsewhere, seen: Seen) -> list[bytes]:
    """What the other site was told, by whomever. It is there for whoever may ask for it: the last is the test's own.

    A browser opens a connection as soon as a frame is to go somewhere, and only then asks whether it may: it says nothing there.
    """
    seen.page.context.request.get(f"{elsewhere.url}/control")
    return [said for said in elsewhere.came if said]


def test_a_hostile_page_reaches_nothing(open_page: Any, server: LiveServer, elsewhere: Elsewhere) -> None:
    server.python("-c", _MAKE, HOSTILE.format(away=elsewhere.url))
    seen = open_page()

    # As it is shown at first nothing of it runs.
    seen.page.goto(f"{server.url}{PAGE}?key=page")
    assert _framed(seen).evaluate("() => typeof window.tried") == "undefined"
    # Who wants its scripts says so.
    seen.page.click("text=Run its scripts")
    seen.page.wait_for_selector("text=The scripts of this page run.")
    frame = _framed(seen)
    told: dict[str, str] = frame.evaluate("() => window.tried")

    # They ran, in an origin that nothing else has.
    assert told.pop("origin") == "null"
    # What answers without a word did nothing: a beacon is "true" once it is queued, and the policy drops it there.
    harmless = {
        "address of top": {"nothing", "refused"},
        "window": {"null"},
        "beacon": {"true", "false"},
        "form": {"nothing"},
        "dialog": {"false"},
    }
    assert {name: came for name, came in told.items() if came not in harmless.get(name, {"refused"})} == {}
    assert len(told) == 23
    # It goes elsewhere itself: the page around it says where frames may lead.
    frame.evaluate("(away) => { location.href = away; }", f"{elsewhere.url}/itself")
    assert _heard(elsewhere, seen) == [b"GET /control HTTP/1.1"]
    assert seen.page.url.startswith(f"{server.url}{PAGE}?key=page")
    assert "Sign alice out" in seen.page.content()


def test_a_logged_page_opened_by_itself_is_kept_and_not_shown(open_page: Any, server: LiveServer) -> None:
    seen = open_page()

    with seen.page.expect_download() as download:
        seen.page.evaluate(
            "(url) => { location.href = url; }",
            f"{server.url}/alice/vision/runs/frames/html/media/html/page.html",
        )

    assert download.value.suggested_filename == "page.html"


def test_steps_by_the_slider_and_a_picture_over_the_whole_screen(open_page: Any, server: LiveServer) -> None:
    server.python("-c", _PICTURES)
    seen = open_page()
    seen.go("/alice/vision/runs/pictures/media")
    page = seen.page
    panel, viewer = page.locator("figure[data-media=grid]"), page.locator("dialog.viewer")

    # The slider stands at the last step; a step to the left shows the one before, and keeps the focus.
    slider = panel.locator("input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    expect(panel.locator(".caption").first).to_have_text("step 1 no 0")
    expect(slider).to_be_focused()
    # One picture over the whole screen: down is the next one, right the next step.
    panel.locator("a[data-full]").first.click()
    expect(viewer.locator("[data-caption]")).to_have_text("step 1 no 0")
    names = [panel.locator("a[data-full]").nth(place).get_attribute("data-full") for place in (0, 1)]
    erase, parts = viewer.locator("[data-erase]"), "/alice/vision/runs/pictures/erase/parts?part=media:"
    expect(erase).to_have_attribute("href", f"{parts}{names[0]}")
    page.keyboard.press("ArrowDown")
    expect(erase).to_have_attribute("href", f"{parts}{names[1]}")
    expect(viewer.locator("[data-caption]")).to_have_text("step 1 no 1")
    page.keyboard.press("ArrowRight")
    expect(viewer.locator("[data-caption]")).to_have_text("step 2 no 1")
    expect(viewer.locator("[data-go=later]")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    expect(panel.locator("a[data-full]").nth(1)).to_be_focused()
    seen.settle()
    assert violations(page) == []
    seen.go("/alice/vision/compare/media?runs=pictures,demo0003")
    assert violations(page) == []
    assert seen.complaints == []
    assert seen.asked_elsewhere == []


# What the readers of the other formats make of the least that each can hold.
_READ_BY = """async () => {
  const shapes = await import("/static/js/media/shapes.js"), molecules = await import("/static/js/media/molecules.js");
  const base64 = btoa(String.fromCharCode(...new Uint8Array(new Float32Array([0, 0, 0, 1, 0, 0, 0, 1, 0]).buffer)));
  const gltf = { nodes: [{ mesh: 0, translation: [5, 0, 0] }], meshes: [{ primitives: [{ attributes: { POSITION: 0 } }] }],
    accessors: [{ bufferView: 0, componentType: 5126, count: 3, type: "VEC3" }], bufferViews: [{ buffer: 0 }],
    buffers: [{ uri: `data:application/octet-stream;base64,${base64}` }] };
  const bytes = new TextEncoder().encode(JSON.stringify(gltf).replace(/"uri":"[^"]*"/, '"byteLength":36').padEnd(600));
  const glb = new Uint8Array(20 + 600 + 8 + 36), view = new DataView(glb.buffer);
  [[0, 0x46546c67], [12, 600], [620, 36]].forEach(([at, value]) => view.setUint32(at, value, true));
  glb.set(bytes, 20);
  glb.set(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)), 628);
  const stl = new Uint8Array(134);
  new DataView(stl.buffer).setUint32(80, 1, true);
  const atom = "ATOM      1  CA  ALA A   1      11.104   6.134  -6.504  1.00  0.00           C  ";
  const outside = () => { gltf.buffers[0].uri = "https://elsewhere.example/a.bin"; try { shapes.readGltf(JSON.stringify(gltf)); } catch (error) { return error.message; } };
  return [
    [...shapes.readGltf(JSON.stringify(gltf)).mesh.places].slice(0, 3), shapes.readGlb(glb).counts.triangles, shapes.readStl(stl).counts.triangles,
    shapes.readObj("v 0 0 0\\nv 1 0 0\\nv 1 1 0\\nv 0 1 0\\nf 1/1 2/2 3/3 -1/4").counts.triangles,
    molecules.readPdb([atom, atom.replace("11.104", "12.504")].join(String.fromCharCode(10))).counts.bonds, outside(),
  ];
}"""
# What each says of files that were made to hang a page. Without its bounds this does not come to an end.
_HOSTILE_FILES = """async () => {
  const shapes = await import("/static/js/media/shapes.js"), molecules = await import("/static/js/media/molecules.js");
  const { Pencil } = await import("/static/js/media/pencil.js");
  const told = (act) => { try { act(); return "read"; } catch (error) { return error.message; } };
  const line = String.fromCharCode(10), escaped = String.fromCharCode(92) + '"';
  const xyz = (atoms) => () => molecules.readXyz([atoms.length, "", ...atoms].join(line));
  const atoms = (count, place) => Array.from({ length: count }, (_each, at) => `C ${place(at)} 0 0`);
  const mol2 = ["@<TRIPOS>ATOM", "1 C 0 0 0 C", "@<TRIPOS>BOND", ...Array(50).fill("1 1 1 1")].join(line);
  const gltf = (primitives, more, stride) => () => shapes.readGltf(JSON.stringify({
    nodes: [{ mesh: 0 }], meshes: [{ primitives: Array(primitives).fill({ attributes: { POSITION: 0 }, ...more }) }],
    accessors: [{ bufferView: 0, componentType: 5126, count: 300, type: "VEC3" }, { bufferView: 0, componentType: 5125, count: 0, type: "SCALAR" }], bufferViews: [{ buffer: 0, byteStride: stride }],
    buffers: [{ uri: `data:application/octet-stream;base64,${btoa(String.fromCharCode(...new Uint8Array(3600)))}` }] }));
  const vectors = Array.from({ length: 20_010 }, () => ({ start: [0, 0, 0], end: [1, 1, 1] }));
  const pencil = new Pencil(1000, 1000), corners = (z) => [{ x: 0, y: 0, z }, { x: 2000, y: 0, z }, { x: 0, y: 2000, z }];
  pencil.clear();
  for (let at = 0; at < 1000; at += 1) pencil.triangle(...corners(1000 - at), at === 999 ? 2 : 1);
  return {
    far: told(xyz(atoms(2, () => "1e20"))), heap: told(xyz(atoms(300, () => "1"))), row: told(xyz(atoms(90, (at) => at / 50))),
    chain: told(xyz(atoms(90, (at) => 1.4 * at))), bonds: told(() => molecules.readMol2(mol2)),
    bomb: told(gltf(50_000, { indices: 1 })), stride: told(gltf(1, {}, 1)), plain: told(gltf(10, {}, 12)),
    text: told(() => shapes.looseJson('["' + escaped.repeat(300_000) + escaped[0])).includes("JSON"),
    nan: JSON.stringify(shapes.looseJson(`[NaN, "NaN ${escaped} Infinity", -Infinity]`)),
    polygon: told(() => shapes.readObj(`v 0 0 0${line}f${" 1".repeat(1_100_000)}`)),
    vectors: shapes.readPoints(JSON.stringify({ points: [[0, 0, 0]], vectors })).lines.length,
    drawn: new Uint32Array(pencil.image.data.buffer)[0],
  };
}"""
# A figure whose every word is hostile, a box of points and a molecule.
_DRAWN = """
import django; django.setup()
import json, sys
from apps.accounts.models import User
from apps.core import jsontext
from apps.files.services import announce_files, store_file
from apps.runs.history import store
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import work
alice = User.objects.get(username="alice")
run = work.run(work.project("alice", "vision", by=alice), "drawn", by=alice)
away = sys.argv[1]
evil = f"<a href='javascript:top.evil=1'>a</a><img src='{away}/image' onerror='top.evil=1'><script>top.evil=1</script>"
figure = {"data": [{"type": "scatter", "x": [1, 2], "y": [3, 4], "name": evil, "text": evil}],
          "layout": {"title": {"text": evil}, "images": [{"source": f"{away}/image"}], "showlegend": True}}
corners = [[x, y, z] for x in (0, 9) for y in (0, 1) for z in (0, 1)]
files = {
    "media/plotly/figure.plotly.json": json.dumps(figure).replace("4", "NaN", 1),
    "media/object3D/points.pts.json": json.dumps({"type": "lidar/beta", "points": [[n, n % 7, n % 3, 255, 0, 0] for n in range(60)],
                                                  "boxes": [{"corners": corners[::-1], "label": "car", "color": [0, 0, 255]}]}),
    "media/molecule/water.xyz": "3\\n\\nO 0 0 0\\nH 0.76 0.59 0\\nH -0.76 0.59 0\\n",
    "media/object3D/broken.obj": "f 1 2 3",
}
row = {"_step": 0}
for name, kind in zip(files, ("plotly-file", "object3D-file", "molecule-file", "object3D-file")):
    row[name.rpartition("/")[2].partition(".")[0]] = {"_type": kind, "path": name}
store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(first=0, lines=[jsontext.dumps(row)])}))
for announced, text in zip(announce_files(run, list(files)), files.values()):
    store_file(announced.file, [text.encode()])
"""


def test_figures_and_things_in_space_are_drawn_and_reach_nothing(
    open_page: Any, server: LiveServer, elsewhere: Elsewhere
) -> None:
    server.python("-c", _DRAWN, elsewhere.url)
    seen = open_page(height=1400)
    seen.go("/alice/vision/runs/drawn/media")
    page = seen.page

    # Turned by keys and brought nearer by a button.
    solid = page.locator("figure[data-media=points] .solid")
    expect(solid.locator("output")).to_have_text("Points 60 · Boxes 1")
    expect(page.locator("figure[data-media=water] output")).to_have_text("Atoms 3 · Bonds 2")
    expect(page.locator("figure[data-media=broken] .said")).to_have_text(
        "This cannot be drawn here. Keep it as a file instead."
    )
    canvas = solid.locator("canvas")
    pictures = [canvas.evaluate("(one) => one.toDataURL()")]
    canvas.focus()
    acts: tuple[Callable[[], None], ...] = (
        lambda: page.keyboard.press("ArrowLeft"),
        lambda: solid.locator("[data-turn=nearer]").click(),
    )
    for act in acts:
        drawn = int(canvas.get_attribute("data-drawn") or "0")
        act()
        page.wait_for_function(
            "([one, drawn]) => Number(one.dataset.drawn) > drawn", arg=[canvas.element_handle(), drawn]
        )
        pictures.append(canvas.evaluate("(one) => one.toDataURL()"))
    assert len(set(pictures)) == 3

    assert page.evaluate(_READ_BY) == [[5, 0, 0], 1, 1, 2, 1, "other files"]

    assert page.evaluate(_HOSTILE_FILES) == {
        "far": "no atoms", "heap": "too many atoms at one place", "row": "too many bonds", "chain": "read",
        "bonds": "too many bonds", "bomb": "too many numbers", "stride": "cannot be read", "plain": "read",
        "text": True, "nan": '[null,"NaN \\" Infinity",null]', "polygon": "too many triangles",
        "vectors": 20_000, "drawn": 1,
    }  # fmt: skip

    # The figure is drawn by our script, in an origin of its own from which nothing can be reached.
    handle = page.wait_for_selector("figure[data-media=figure] iframe")
    frame = handle and handle.content_frame()
    assert frame is not None
    frame.wait_for_selector(".main-svg .scatterlayer .trace")
    told = frame.evaluate(
        """async (site) => {
          const told = { origin: window.origin };
          const tries = {
            cookie: () => document.cookie, storage: () => localStorage.length, parent: () => parent.document.title,
            away: () => fetch(`${site}/fetch`, { mode: "no-cors" }), site: () => fetch("/alice/vision", { mode: "no-cors" }),
            code: async () => { await new Promise((done) => setTimeout(done)); return new Function("return 1")(); }, // at once a debugger may
            script: () => new Promise((done, no) => { const one = document.createElement("script"); one.textContent = "window.ran = 1"; document.body.append(one); window.ran ? done() : no(); }),
          };
          for (const [name, act] of Object.entries(tries)) {
            try { await act(); told[name] = "reached"; } catch { told[name] = "refused"; }
          }
          return told;
        }""",
        elsewhere.url,
    )
    assert told.pop("origin") == "null"
    assert {name for name, came in told.items() if came != "refused"} == set() and len(told) == 7
    assert page.evaluate("() => window.evil") is None
    assert _heard(elsewhere, seen) == [b"GET /control HTTP/1.1"]
    assert violations(page) == []
