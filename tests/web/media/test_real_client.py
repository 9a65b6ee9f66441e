"""Every kind of media logged by the real client: what it reads back is what it sent, and the page shows each."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.browsers import chromium, chromium_path
from tests.e2e.clients import Client, browser_of
from tests.live import LiveServer
from tests.web.in_chromium import Seen

pytestmark = pytest.mark.live

# Logs each kind at two steps; answers with the path and the bytes of each file that the client made of it.
_LOG = """
import base64, io, math, pathlib, struct, types, wave
import numpy as np, wandb
from PIL import Image
with wave.open("tone.wav", "wb") as sound:
    sound.setnchannels(1); sound.setsampwidth(2); sound.setframerate(8000)
    sound.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(n / 5))) for n in range(8000)))
frames = [Image.new("RGB", (64, 48), (n * 20, 90, 200)) for n in range(4)]
frames[0].save("walk.gif", save_all=True, append_images=frames[1:], duration=120, loop=0)
# A second of film: five pictures, ever redder, as WebM. What Pillow makes of a picture for the web is one of VP8.
def shot(number):
    kept = io.BytesIO()
    Image.new("RGB", (64, 48), (40 + number * 50, 40, 40)).save(kept, "WEBP", quality=60)
    return kept.getvalue()[20:]
def element(name, *held):
    held = b"".join(one if isinstance(one, bytes) else one.to_bytes(8, "big") for one in held)
    return bytes.fromhex(name) + (len(held) | 1 << 56).to_bytes(8, "big") + held
shots = [element("1f43b675", element("e7", n * 200), element("a3", b"\\x81\\0\\0\\x80", shot(n))) for n in range(5)]
video = element("e0", element("b0", 64), element("ba", 48))
track = element("ae", element("d7", 1), element("73c5", 1), element("83", 1), element("86", b"V_VP8"), element("23e383", 200 * 10**6), video)
about = element("1549a966", element("2ad7b1", 10**6), element("4489", struct.pack(">d", 1000))) + element("1654ae6b", track)
def index(first):
    at = [first + sum(map(len, shots[:n])) for n in range(5)]
    return element("1c53bb6b", *(element("bb", element("b3", n * 200), element("b7", element("f7", 1), element("f1", at[n]))) for n in range(5)))
void = element("ec", bytes(range(256)) * 400)  # so that what is played does not lie in the first frame of the sealed file
before = about + index(0) + void
pathlib.Path("clip.webm").write_bytes(element("1a45dfa3", element("4282", b"webm"), element("4287", 2), element("4285", 2))
    + element("18538067", about, index(len(before)), void, *shots))
pathlib.Path("water.pdb").write_text("HETATM    1  O   HOH A   1       0.000   0.000   0.000  1.00  0.00           O\\nEND\\n")
corners = base64.b64encode(struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)).decode()
pathlib.Path("shape.gltf").write_text(json.dumps({"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}],
    "nodes": [{"mesh": 0}], "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
    "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]}],
    "bufferViews": [{"buffer": 0, "byteLength": 36}],
    "buffers": [{"byteLength": 36, "uri": "data:application/octet-stream;base64," + corners}]}))
pathlib.Path("empty.gltf").write_text('{"asset":{"version":"2.0"}}')
rng = np.random.default_rng(1)
pathlib.Path("shape.obj").write_text("v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nv 0 0 1\\nf 1 2 3\\nf 1 3 4\\nf 1 4 2\\nf 2 4 3\\n")
# Stands for a figure of the package, of which the client asks its name and this method.
Figure = type("Figure", (), {"__module__": "plotly.graph_objs._figure", "to_plotly_json": lambda self: {
    "data": [{"type": "scatter", "x": [1, 2], "y": [3, float("nan")], "name": "<b>one"}], "layout": {"title": {"text": "A figure"}}}})
# Stand for scikit-learn, of which the client asks these two curves; what it makes of them, and the look, are its own.
def falling(true, sure, pos_label):
    order = np.argsort(-sure)
    hit = true[order] == pos_label
    last = np.append(np.diff(sure[order]) != 0, True)
    return np.cumsum(hit)[last], np.cumsum(~hit)[last]
def roc_curve(true, sure, pos_label):
    hits, misses = falling(true, sure, pos_label)
    return np.append(0, misses / misses[-1]), np.append(0, hits / hits[-1]), None
def precision_recall_curve(true, sure, pos_label):
    hits, misses = falling(true, sure, pos_label)
    return np.append((hits / (hits + misses))[::-1], 1), np.append((hits / hits[-1])[::-1], 0), None
metrics = types.ModuleType("sklearn.metrics")
metrics.roc_curve, metrics.precision_recall_curve = roc_curve, precision_recall_curve
sys.modules |= {name: types.ModuleType(name) for name in ("sklearn", "sklearn.base", "sklearn.utils", "scipy")}
sys.modules["sklearn.metrics"] = metrics
judged = (np.array([0, 0, 1, 1]), np.array([[.9, .1], [.6, .4], [.65, .35], [.2, .8]]), ["cat", "dog"])
import matplotlib; matplotlib.use("Agg")
from matplotlib import pyplot
pyplot.imshow(np.eye(4))
scene = {"type": "lidar/beta", "points": rng.random((40, 6)) * 9, "boxes": np.array([
    {"corners": [[x, y, z] for x in (0, 4) for y in (0, 2) for z in (0, 1)], "label": "car", "color": [255, 0, 0]}])}
pairs = wandb.Table(columns=["x", "y"], data=[[n, n * n] for n in range(5)])
elbow = wandb.Table(columns=["cluster_ranges", "errors", "clustering_time"], data=[[1, 9., .1], [2, 4., .2]])
labels = {1: "road", 2: "car"}
def picture(**more):
    return wandb.Image((rng.random((24, 32, 3)) * 255).astype("uint8"), **more)
mask = np.ones((24, 32), "uint8")
box = {"position": {"minX": .1, "maxX": .5, "minY": .2, "maxY": .7}, "class_id": 1}
look = wandb.Api(timeout=60).create_custom_chart("alice", "own", "A look of mine", "vega2", "private", {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json", "data": {"name": "wandb"}, "title": "${string:title}", "mark": "bar",
    "encoding": {"x": {"field": "${field:across}", "type": "ordinal"}, "y": {"field": "${field:up}", "type": "quantitative"}}})
with wandb.init(project="media", id="kinds") as run:
    parts = wandb.Table(columns=["n"], log_mode="INCREMENTAL")
    grown = wandb.Table(columns=["n", "picture"], log_mode="INCREMENTAL")
    for step in range(2):
        parts.add_data(step)
        grown.add_data(step, picture(caption=f"grown {step}"))
        run.log({
            "image": picture(caption=f"step {step}"),
            "grid": [picture(caption=f"c{n}") for n in range(3)],
            "seg": picture(masks={"truth": {"mask_data": mask, "class_labels": labels}}),
            "det": picture(boxes={"found": {"box_data": [box], "class_labels": labels}}),
            "sound": wandb.Audio("tone.wav", caption="a tone"),
            "film": wandb.Video("clip.webm", format="webm"),
            "gif": wandb.Video("walk.gif", format="gif"),
            "page": wandb.Html("<p>hello"),
            "table": wandb.Table(columns=["n", "word"], data=[[n, f"w{n}"] for n in range(60)]),
            "parts": parts,
            "cloud": wandb.Object3D(rng.random((20, 6))),
            "shape": wandb.Object3D("shape.gltf"),
            "shapeless": wandb.Object3D("empty.gltf"),
            "molecule": wandb.Molecule("water.pdb"),
            "solid": wandb.Object3D("shape.obj"),
            "scene": wandb.Object3D(scene),
            "figure": Figure(),
            "drawing": pyplot.gcf(),
            "wide": [picture(caption="w"), wandb.Image((rng.random((400, 500, 3)) * 255).astype("uint8"))],
            "cells": wandb.Table(columns=["picture", "sound", "film", "page", "thing"], data=[[
                picture(caption="in a cell"), wandb.Audio("tone.wav"), wandb.Video("walk.gif", format="gif"),
                wandb.Html("<p>in a cell"), wandb.Object3D(rng.random((20, 6)))]]),
            "grown": grown,
            "hist": wandb.Histogram([1, 2, 3]),
            "line": wandb.plot.line(pairs, "x", "y", title="A line"),
            "bar": wandb.plot.bar(pairs, "x", "y", split_table=True),
            "counts": wandb.plot.histogram(pairs, "y"),
            "dots": wandb.plot.scatter(pairs, "x", "y"),
            "lines": wandb.plot.line_series([0, 1], [[1, 2], [3, 4]], keys=["one", "two"]),
            "confusion": wandb.plot.confusion_matrix(preds=[0, 1, 1], y_true=[0, 1, 0], class_names=["cat", "dog"]),
            "roc": wandb.plot.roc_curve(*judged),
            "recall": wandb.plot.pr_curve(*judged, [1], interp_size=5, title="How many, how surely"),
            "elbow": wandb.visualize("wandb/elbow/v1", elbow),
            "own": wandb.plot_table(look, pairs, {"across": "x", "up": "y"}, {"title": "My look"}),
        })
    folder = pathlib.Path(run.dir)
    typed = wandb.Artifact("typed", "dataset")
    classes = wandb.Classes([{"id": number, "name": name} for number, name in labels.items()])
    left = wandb.Table(columns=["id", "picture"], data=[[f"{n}", picture()] for n in range(3)])
    right = wandb.Table(columns=["id", "word"], data=[[f"{n}", f"w{n}"] for n in range(3)])
    for name, thing in {
        "classes": classes, "left": left, "right": right, "joined": wandb.JoinedTable(left, right, "id"),
        "parts/0": wandb.Table(columns=["n"], data=[[0], [1]]), "parts/1": wandb.Table(columns=["n"], data=[[2]]),
        "partitioned": wandb.data_types.PartitionedTable("parts"), "page": wandb.Html("<p>kept"),
        "seg": picture(classes=classes, masks={"truth": {"mask_data": mask}}, boxes={"found": {"box_data": [box]}}),
        "sound": wandb.Audio("tone.wav", caption="a tone"), "film": wandb.Video("clip.webm", format="webm"),
        "scene": wandb.Object3D(scene), "molecule": wandb.Molecule("water.pdb"),
    }.items():
        typed.add(thing, name)
    kept = {path: base64.b64encode(pathlib.Path(entry.local_path).read_bytes()).decode()
            for path, entry in typed.manifest.entries.items()}
    run.log_artifact(typed)
answer({"kept": kept, "files": {
    str(file.relative_to(folder)): base64.b64encode(file.read_bytes()).decode()
    for file in (folder / "media").rglob("*") if file.is_file()}})
"""
_READ = """
import base64, pathlib, wandb
run = wandb.Api(timeout=60).run("alice/media/kinds")
for file in run.files():
    if file.name.startswith("media/"):
        file.download("back", replace=True)
folder = pathlib.Path("back")
rows = list(run.scan_history())
typed = wandb.Api(timeout=60).artifact("alice/media/typed:v0")
kept = pathlib.Path(typed.download("typed"))
things = {name: typed.get(name) for name in ("classes", "joined", "partitioned", "seg", "sound", "film", "scene", "page")}
answer({"files": {str(file.relative_to(folder)): base64.b64encode(file.read_bytes()).decode()
                  for file in (folder / "media").rglob("*") if file.is_file()},
        "kept": {str(file.relative_to(kept)): base64.b64encode(file.read_bytes()).decode()
                 for file in kept.rglob("*") if file.is_file()},
        "things": {name: type(thing).__name__ for name, thing in things.items()},
        "words": typed.get("right").data,
        "partitioned": sorted(row for _index, row in things["partitioned"].iterrows()),
        "types": {key: value["_type"] for key, value in rows[-1].items() if isinstance(value, dict)}})
"""
KINDS = {
    "image",
    "grid",
    "seg",
    "det",
    "sound",
    "film",
    "gif",
    "page",
    "table",
    "parts",
    "cloud",
    "shape",
    "shapeless",
    "molecule",
    "solid",
    "scene",
    "figure",
    "drawing",
    "wide",
    "cells",
    "grown",
}

CHARTS = {
    "line_table",
    "Custom Chart Tables/bar_table",
    "counts_table",
    "dots_table",
    "lines_table",
    "confusion_table",
    "roc_table",
    "recall_table",
    "elbow",
    "own_table",
}


class Logged:
    def __init__(self, server: LiveServer, sent: dict[str, dict[str, str]], read: dict[str, Any]) -> None:
        self.sent, self.kept, self.read = sent["files"], sent["kept"], read
        self.run = f"{server.url}/alice/media/runs/kinds"
        self.browser = browser_of(server, "alice")

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.browser.get(f"{self.run}/{path}", headers=headers, timeout=60)


@pytest.fixture(scope="module")
def logged() -> Iterator[Logged]:
    with LiveServer() as server:
        server.account("alice")
        with Client(server.url) as client:
            sent = client.ask(_LOG)
            yield Logged(server, sent, client.ask(_READ))


def test_the_client_reads_back_what_it_sent(logged: Logged) -> None:
    assert logged.read["files"] == logged.sent
    assert set(logged.read["types"]) == KINDS | CHARTS | {"hist"}


def test_things_of_an_artifact_come_back_as_they_were(logged: Logged) -> None:
    assert logged.read["kept"] == logged.kept
    assert logged.read["things"] == {
        "classes": "Classes",
        "joined": "JoinedTable",
        "partitioned": "PartitionedTable",
        "seg": "Image",
        "sound": "Audio",
        "film": "Video",
        "scene": "Object3D",
        "page": "Html",
    }
    assert logged.read["words"] == [[f"{n}", f"w{n}"] for n in range(3)]
    assert logged.read["partitioned"] == [[0], [1], [2]]


def test_each_kind_has_its_panel_and_each_file_its_bytes(logged: Logged) -> None:
    page = logged.get("media").text + logged.get("media?page=1").text

    assert set(re.findall(r'data-media="([^"]+)"', page)) == KINDS | CHARTS
    assert "Not here" not in page
    shown = set(
        re.findall(r'(?:src|href)="/alice/media/runs/kinds/((?:image|play|html|files)/media/[^"?]+)"', page)
    )
    assert {path.partition("/")[0] for path in shown} == {"image", "play", "html", "files"}
    for path in shown:
        answer = logged.get(path)
        assert answer.content == base64.b64decode(logged.sent[path.partition("/")[2]]), path


def test_a_film_seeks(logged: Logged) -> None:
    (name,) = {name for name in logged.sent if name.startswith("media/videos/film_1_")}

    answer = logged.get(f"play/{name}", Range="bytes=90000-90009")

    assert (answer.status_code, answer.headers["Content-Type"]) == (206, "video/webm")
    assert answer.content == base64.b64decode(logged.sent[name])[90000:90010]


def test_masks_and_boxes_lie_over_their_images(logged: Logged) -> None:
    seg, det = logged.get("media?key=seg").text, logged.get("media?key=det").text

    assert re.findall(r'value="(mask/truth/\d)" checked', seg) == ["mask/truth/1", "mask/truth/2"]
    mask = re.search(r'/(media/mask/[^"]+)"', seg)
    assert mask is not None and logged.get(mask[1]).headers["Content-Type"] == "image/png"
    assert '<rect x="3.2" y="4.8" width="12.8" height="12"><title>road</title>' in det


def test_tables_open_also_incremental_ones(logged: Logged) -> None:
    whole, parts = logged.get("media/table?key=table&order=-1").text, logged.get("media/table?key=parts").text

    assert re.findall(r'title="(w\d+)"', whole)[:2] == ["w59", "w58"]
    assert re.findall(r'<td class="num"><bdi title="(\d)"', parts) == ["0", "1"]


def test_charts_are_drawn_from_the_tables_that_they_were_logged_with(logged: Logged) -> None:
    page = logged.get("media").text

    panels = (panel.partition('"') for panel in page.split('data-media="')[1:])
    drawn = {name: re.search(r'class="drawn-plot plot-(\w+)"', panel) for name, _quote, panel in panels}
    assert {name: shape[1] for name, shape in drawn.items() if shape} == {
        "line_table": "lines",
        "Custom Chart Tables/bar_table": "bars",
        "counts_table": "counts",
        "dots_table": "dots",
        "lines_table": "lines",
        "confusion_table": "matrix",
        "roc_table": "lines",
        "recall_table": "lines",
        "elbow": "lines",
    }
    assert all(title in page for title in ("A line", "ROC Curve", "How many, how surely"))
    assert "In the look <bdi>alice/own</bdi>, from:" in page
    roc, recall = (
        page.partition(f'data-media="{name}_table"')[2].partition("</figure>")[0]
        for name in ("roc", "recall")
    )
    assert roc.count("M0.0 500.0L0.0 250.0L500.0 250.0L500.0 0.0L1000.0 0.0") == 2  # of two classes
    assert "V500H" in recall and "V500H" not in roc  # below the curve of one class is an area


def test_a_look_that_the_client_made_is_what_its_chart_is_drawn_from(logged: Logged) -> None:
    page = logged.get("media/look?key=own_table", **{"Sec-Fetch-Dest": "iframe"}).text

    held = re.search(r'<script id="look" type="application/json">(.*?)</script>', page)
    assert held is not None
    said = json.loads(held[1])
    assert said["look"]["encoding"]["x"] == {"field": "x", "type": "ordinal"}
    assert (said["look"]["title"], said["look"]["encoding"]["y"]["field"]) == ("My look", "y")
    assert (said["columns"], said["rows"]) == (["x", "y"], [[n, n * n] for n in range(5)])


def test_media_in_cells_of_tables_come_from_the_artifacts_of_the_tables(logged: Logged) -> None:
    page, grown = logged.get("media/table?key=cells").text, logged.get("media/table?key=grown").text

    in_cells = re.findall(
        r'src="(/alice/media/artifacts/run_table/run-kinds-cells/v1/(?:image|play|html)/[^"]+)"', page
    )
    assert [path.split("/")[7] for path in in_cells] == ["image", "play", "image", "html"]
    assert len(re.findall(r'<img src="/alice/media/artifacts/[^"]+/image/media/images/', grown)) == 2
    for path in in_cells:
        answer = logged.browser.get(logged.run.partition("/alice/")[0] + path, timeout=60)
        assert answer.status_code == 200 and len(answer.content) > 10, path


# What each panel of the page shows that is there and not empty.
_SHOWN = """() => {
  const drawn = (canvas) => {
    const all = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data;
    return all && new Set(new Uint32Array(all.buffer)).size > 1;
  };
  const large = (one) => one.getBoundingClientRect().width > 50 && one.getBoundingClientRect().height > 20;
  const kinds = {
    picture: ["img", (one) => one.complete && one.naturalWidth > 0 && large(one)], canvas: ["canvas", drawn],
    chart: [".drawn-plot", large], frame: ["iframe", large], player: ["audio, video", large],
    rows: ["a", (one) => /\\brows?\\b/.test(one.textContent)],
  };
  const shown = (panel) => Object.entries(kinds)
    .filter(([, [what, holds]]) => [...panel.querySelectorAll(what)].some(holds)).map(([kind]) => kind).join(" and ");
  return Object.fromEntries([...document.querySelectorAll("figure[data-media]")].map((one) => [one.dataset.media, shown(one)]));
}"""
# A second of sound or film: from the middle of it, it plays to the end. And how large the picture is, and how red it is there.
_PLAYED = """async (kind) => {
  const player = document.querySelector(`figure[data-media="${kind}"] :is(audio, video)`);
  const told = (what) => new Promise((done, failed) => {
    player.addEventListener(what, done, { once: true });
    player.addEventListener("error", () => failed(player.error?.message), { once: true });
  });
  const redness = () => {
    const drawn = document.createElement("canvas").getContext("2d");
    drawn.drawImage(player, 0, 0);
    return drawn.getImageData(5, 5, 1, 1).data[0];
  };
  const known = told("loadeddata");
  player.preload = "auto";
  player.load();
  await known;
  const seen = [player.videoWidth ?? 0, player.videoHeight ?? 0];
  if (seen[0]) seen.push(redness());
  const moved = told("seeked");
  player.currentTime = 0.5;
  await moved;
  if (seen[0]) seen.push(redness());
  const [duration, from] = [player.duration, player.currentTime];
  const ended = told("ended");
  player.muted = true;
  await player.play();
  await ended;
  if (seen[0]) seen.push(redness());
  return { times: [duration, from, player.currentTime], seen };
}"""
SHOWN = {
    "picture": {"image", "grid", "seg", "det", "gif", "drawing", "wide"},
    "canvas": {"cloud", "shape", "molecule", "solid", "scene"},
    "frame": {"figure", "page"},
    "player": {"sound", "film"},
    "rows": {"table", "parts", "cells", "grown"},
    "frame and rows": {"own_table"},
    "chart and rows": CHARTS - {"own_table"},
    "": {"shapeless"},  # a file of it without a shape, which is offered to be kept
}


@pytest.mark.browser
@pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed: no page was looked at")
def test_each_kind_is_seen_in_a_browser(logged: Logged) -> None:
    found: dict[str, str] = {}
    played: dict[str, dict[str, list[float]]] = {}
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        seen = Seen(page, logged.run.partition("/alice/")[0])
        seen.enter()
        for number in range(2):
            seen.go(f"/alice/media/runs/kinds/media?page={number}")
            for panel in page.locator("figure[data-media]").all():
                panel.scroll_into_view_if_needed()
            seen.settle()
            found |= page.evaluate(_SHOWN)
        for key in ("sound", "film"):
            seen.go(f"/alice/media/runs/kinds/media?key={key}")
            played[key] = page.evaluate(_PLAYED, key)
        # The page that the client makes of HTML asks for a style of its maker's, and gets none.
        assert [each for each in seen.complaints if "normalize.css" not in each] == []
        assert {each for each in seen.asked_elsewhere if "normalize.css" not in each} == set()

    assert found == {key: kind for kind, keys in SHOWN.items() for key in keys}
    assert {key: each["times"] for key, each in played.items()} == {"sound": [1, 0.5, 1], "film": [1, 0.5, 1]}
    # The first picture of the film, the third, the last: as they were made, but for what the colours lose on their way.
    assert played["film"]["seen"] == [64, 48, *(pytest.approx(red, abs=8) for red in (40, 140, 240))]
