"""Boxes over an image, as the client keeps them in a file beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.files.media.classes import labels_in
from apps.files.media.types import caption_in

MOST_BYTES = 1024 * 1024
MOST_BOXES = 500
_LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Box:
    """Where it lies, in parts of the image's width and height."""

    number: int
    caption: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Boxes:
    boxes: tuple[Box, ...] = ()
    labels: tuple[tuple[int, str], ...] = ()


def read_boxes(text: bytes, *, width: int | None, height: int | None) -> Boxes:
    """What can be drawn of them. `width` and `height` are the image's: boxes may be measured in its pixels."""
    try:
        whole = jsontext.loads(text.decode("utf-8", "replace"))
    except Invalid:
        return Boxes()
    given = whole.get("box_data") if isinstance(whole, Mapping) else None
    if not isinstance(given, list):
        return Boxes()
    found = (_box(each, width, height) for each in given[:MOST_BOXES])
    labels = labels_in(whole.get("class_labels"))
    return Boxes(tuple(box for box in found if box is not None), tuple(labels.items()))


def _box(value: Any, width: int | None, height: int | None) -> Box | None:
    if not isinstance(value, Mapping):
        return None
    number, place = value.get("class_id"), _corners(value.get("position"))
    if type(number) is not int or place is None:
        return None
    left, top, right, bottom = place
    if value.get("domain") == "pixel":
        if not (width and height):
            return None
        left, top, right, bottom = left / width, top / height, right / width, bottom / height
    return Box(number, _caption(value), left, top, right - left, bottom - top)


def _corners(position: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(position, Mapping):
        return None
    middle = position.get("middle")
    if isinstance(middle, list) and len(middle) == 2:
        x, y, wide, high = (
            _number(each) for each in (*middle, position.get("width"), position.get("height"))
        )
        corners = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
    else:
        left, top, right, bottom = (_number(position.get(name)) for name in ("minX", "minY", "maxX", "maxY"))
        corners = (left, top, right, bottom)
    is_sound = all(math.isfinite(each) and abs(each) < 1e7 for each in corners)
    return corners if is_sound and corners[0] <= corners[2] and corners[1] <= corners[3] else None


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _caption(value: Mapping[str, Any]) -> str:
    caption = caption_in(value.get("box_caption"))[:_LONGEST_WORDS]
    scores = value.get("scores")
    if caption or not isinstance(scores, Mapping):
        return caption
    told = [
        f"{name} {score:.3g}" for name, score in list(scores.items())[:4] if math.isfinite(_number(score))
    ]
    return ", ".join(told)[:_LONGEST_WORDS]
