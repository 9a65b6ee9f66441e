from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# A list of media may be as long as a batch; beyond this nobody looks at them one by one.
MOST_ITEMS = 2000
_LONGEST_PATH = 1024
_LONGEST_CAPTION = 2000
_LARGEST = 2**31


class Kind(StrEnum):
    """What a thing is to whoever looks at it; each is shown in its own way."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    HTML = "html"
    TABLE = "table"
    OBJECT3D = "object3d"
    MOLECULE = "molecule"
    PLOTLY = "plotly"
    OTHER = "other"


class LayerKind(StrEnum):
    MASK = "mask"
    BOXES = "boxes"


@dataclass(frozen=True, slots=True)
class Layer:
    """What lies over an image: classes of its pixels, or boxes. Its bytes are a file of the run like the image's."""

    kind: LayerKind
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a run logged: which file of the run it is, and what was said of it. All of it is content."""

    kind: Kind
    path: str
    caption: str = ""
    width: int | None = None
    height: int | None = None
    rows: int | None = None
    layers: tuple[Layer, ...] = ()
    is_increment: bool = False  # a table whose earlier parts are files of earlier steps
    artifact: str = ""  # the client's address of the artifact in which the media of a table's cells lie


def path_in(value: Any) -> str:
    """The run file that an object names; empty when it names none. It is looked up among the run's own files only."""
    path = value.get("path") if isinstance(value, Mapping) else value
    return path if isinstance(path, str) and 0 < len(path) <= _LONGEST_PATH and "\0" not in path else ""


def caption_in(value: Any) -> str:
    return value[:_LONGEST_CAPTION] if isinstance(value, str) else ""


def captions_in(value: Any, count: int) -> list[str]:
    """A caption for each of so many things. The client sends none, a list, or false."""
    given = value if isinstance(value, list) else []
    return [caption_in(given[place]) if place < len(given) else "" for place in range(count)]


def measure_in(value: Any) -> int | None:
    """A width, a height or a number of rows that can be one."""
    return value if type(value) is int and 0 < value < _LARGEST else None
