"""Everything that a script may log besides numbers, as the client sends it, and a file for each that it names."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.files.media.recorded import CONFIG, ROW

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_TABLES = "wandb-client-artifact://9l8ls10l"
_BOXES = {
    "box_data": [
        {
            "position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.7},
            "class_id": 1,
            "box_caption": "車",
        },
        {
            "position": {"middle": [10, 5], "width": 6, "height": 4},
            "domain": "pixel",
            "class_id": 2,
            "scores": {"sure": 0.5},
        },
    ],
    "class_labels": {"0": "road", "1": "car", "2": "sky"},
}
_TABLE = {"_type": "table", "columns": ["id", "é"], "data": [[1, None], [2, "x"]], "ncols": 2, "nrows": 2}
_FIGURE = {"data": [{"type": "scatter", "x": [1, 2], "y": [3, None]}], "layout": {"title": {"text": "好き"}}}


def _file(kind: str, path: str) -> dict[str, Any]:
    return {"_type": kind, "size": 2, "sha256": "0" * 64, "path": path}


# What the recorded row has of each kind, and what it has none of.
LOGGED: dict[str, Any] = ROW | {
    "figure": _file("plotly-file", "media/plotly/figure_0_1a.plotly.json"),
    "bokeh": _file("bokeh-file", "media/bokeh/bokeh_0_1a.bokeh.json"),
    "graph": _file("graph-file", "media/graph/graph_0_1a.graph.json"),
    "any": _file("file", "media/any_0_1a.bin"),
    "sounds": {
        "_type": "audio",
        "count": 2,
        "audio": [_file("audio-file", f"media/audio/sounds_0_{n}.wav") for n in range(2)],
        "sampleRates": [8000, 8000],
        "durations": [0.5, None],
        "captions": ["low", "é"],
    },
    "clouds": {
        "_type": "object3D",
        "filenames": [f"clouds_0_{n}.pts.json" for n in range(2)],
        "count": 2,
        "objects": [_file("object3D-file", f"media/object3D/clouds_0_{n}.pts.json") for n in range(2)],
    },
    "molecules": {
        "_type": "molecule",
        "filenames": ["media/molecule/molecules_0_1a.pdb"],
        "count": 1,
        "captions": ["水"],
    },
    "joined": {"_type": "joined-table", "artifact_path": f"{_TABLES}/pair.joined-table.json"},
    "parted": {"_type": "partitioned-table", "artifact_path": f"{_TABLES}/rows.partitioned-table.json"},
    "trace": {"_type": "wb_trace_tree", "model_hash": "1a", "root_span_dumps": '{"name": "好き"}'},
    "hist": {"_type": "histogram", "bins": [0, 1, 2], "values": [1, 2]},
    "packed": {"_type": "histogram", "packedBins": {"min": -1.5, "size": 0.25, "count": 2}, "values": [0, 7]},
}
# What its config says under `_wandb` of the classes of masks and boxes.
CLASSES = CONFIG
# Such tables lie in an artifact, which the row names.
TABLES = {
    "left.table.json": json.dumps(_TABLE).encode(),
    "right.table.json": json.dumps(_TABLE | {"data": [[2, 0.5], [3, 1e300]]}).encode(),
    "pair.joined-table.json": json.dumps(
        {
            "_type": "joined-table",
            "table1": "left.table.json",
            "table2": "right.table.json",
            "join_key": "id",
        }
    ).encode(),
    "rows.partitioned-table.json": b'{"_type": "partitioned-table", "parts_path": "parts"}',
    **{f"parts/{n}.table.json": json.dumps(_TABLE | {"data": [[n, None]]}).encode() for n in range(2)},
}


def types_in(value: Any) -> Iterator[str]:
    """What the client calls the things in it, however deep they lie."""
    if isinstance(value, Mapping) and "_type" in value:
        yield value["_type"]
    for each in _parts(value):
        yield from types_in(each)


def named_in(value: Any) -> dict[str, bytes]:
    """The files of the run that it names, each with bytes of its own kind."""
    if isinstance(value, str) and value.startswith("media/"):
        return {value: _bytes_of(value)}
    return {name: data for each in _parts(value) for name, data in named_in(each).items()}


def _parts(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []


def _bytes_of(path: str) -> bytes:
    if path.endswith(".png"):
        return PNG
    if path.endswith(".json"):
        kinds = {".boxes2D.json": _BOXES, ".plotly.json": _FIGURE, ".table.json": _TABLE}
        return json.dumps(
            next((kinds[each] for each in kinds if path.endswith(each)), [[0.5, 1, 2]])
        ).encode()
    return b"\0\xff of " + path.encode()
