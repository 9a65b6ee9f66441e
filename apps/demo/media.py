"""What two runs of the demo log to be looked at: pictures, a sound, a table, and charts of tables. All of it is made by code."""

from __future__ import annotations

import io
import math
import random
import struct
import wave
from typing import Any

from PIL import Image

from apps.core import jsontext
from apps.demo.curves import Recipe

NAMES = ("kite", "lamp", "moth", "reed")
_SIDE = 48
_RATE = 8000

# What `config._wandb` says of the charts: the look of each, and its title.
CHARTS = {
    "visualize": {
        "val/confusion": {
            "panel_type": "Vega2",
            "panel_config": {
                "panelDefId": "wandb/confusion_matrix/v1",
                "fieldSettings": {name: name for name in ("Actual", "Predicted", "nPredictions")},
                "stringSettings": {"title": "What was taken for what"},
            },
        },
        "val/recall": {
            "panel_type": "Vega2",
            "panel_config": {
                "panelDefId": "wandb/area-under-curve/v0",
                "fieldSettings": {"x": "recall", "y": "precision", "class": "class"},
                "stringSettings": {"title": "Precision over recall"},
            },
        },
        "val/by_class": {
            "panel_type": "Vega2",
            "panel_config": {
                "panelDefId": "wandb/bar/v0",
                "fieldSettings": {"label": "class", "value": "accuracy"},
                "stringSettings": {"title": "Accuracy by class"},
            },
        },
    }
}


def media_of(recipe: Recipe, step: int) -> tuple[dict[str, Any], dict[str, bytes]]:
    """One row of the history, and the files that it names."""
    rng = random.Random(recipe.seed * 10_000 + step)
    row: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    pictures = [f"media/images/val/examples_{step}_{place}.png" for place in range(8)]
    files |= {name: _picture(rng) for name in pictures}
    row["val/examples"] = {
        "_type": "images/separated",
        "count": len(pictures),
        "width": _SIDE,
        "height": _SIDE,
        "format": "png",
        "filenames": pictures,
        "captions": [f"{rng.choice(NAMES)}, {rng.random():.2f}" for _each in pictures],
    }
    sound = f"media/audio/alarm_{step}.wav"
    files[sound] = _tone()
    row["alarm"] = {"_type": "audio-file", "path": sound, "caption": "as loss rises"}
    for name, (columns, rows) in _tables(rng).items():
        path = f"media/table/{name}_{step}.table.json"
        files[path] = jsontext.dumps({"columns": columns, "data": rows}).encode()
        row[name] = {"_type": "table-file", "path": path, "nrows": len(rows), "ncols": len(columns)}
    return row, files


def _picture(rng: random.Random) -> bytes:
    """A small landscape: two colours that run into each other, and something in it."""
    top, foot, thing = ([rng.randrange(40, 230) for _each in range(3)] for _part in range(3))
    image = Image.new("RGB", (_SIDE, _SIDE))
    across, down, size = rng.randrange(12, 36), rng.randrange(12, 36), rng.randrange(5, 12)
    for y in range(_SIDE):
        ground = [round(a + (b - a) * y / _SIDE) for a, b in zip(top, foot, strict=True)]
        for x in range(_SIDE):
            inside = (x - across) ** 2 + (y - down) ** 2 < size**2
            image.putpixel((x, y), tuple(thing if inside else ground))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _tone() -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(
            b"".join(struct.pack("<h", int(6000 * math.sin(n / 9 + n * n / 4e6))) for n in range(_RATE))
        )
    return written.getvalue()


def _tables(rng: random.Random) -> dict[str, tuple[list[str], list[list[Any]]]]:
    confusion = [
        [actual, taken, rng.randrange(60, 90) if actual == taken else rng.randrange(0, 14)]
        for actual in NAMES
        for taken in NAMES
    ]
    recall = [
        [name, round(place / 20, 2), round(1 - rng.uniform(0.3, 0.5) * (place / 20) ** (number + 1.5), 3)]
        for number, name in enumerate(NAMES[:2])
        for place in range(21)
    ]
    return {
        "val/confusion_table": (["Actual", "Predicted", "nPredictions"], [list(each) for each in confusion]),
        "val/recall_table": (["class", "recall", "precision"], [list(each) for each in recall]),
        "val/by_class_table": (
            ["class", "accuracy"],
            [[name, round(rng.uniform(0.6, 0.95), 3)] for name in NAMES],
        ),
        "val/mistakes": (
            ["image", "actual", "predicted", "sure"],
            [[n, *rng.sample(NAMES, 2), round(rng.random(), 3)] for n in range(24)],
        ),
    }
