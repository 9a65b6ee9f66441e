"""What lies over images: which classes there are, which of them are looked at, and the boxes to draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from apps.files.media.boxes import MOST_BYTES, Boxes, read_boxes
from apps.files.media.classes import MOST_CLASSES, colour_of, labels_of
from apps.files.media.types import Item, Layer, LayerKind
from apps.files.queries import read_file
from apps.files.types import OpenFile
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered

_BETWEEN = "/"


@dataclass(frozen=True, slots=True)
class Picked:
    """The classes to show, as a form sends them; everything where nobody picked."""

    is_chosen: bool = False
    shown: frozenset[str] = frozenset()

    @property
    def query(self) -> str:
        """The same at the end of another address."""
        if not self.is_chosen:
            return ""
        return "&" + urlencode([("picked", "1"), *(("show", each) for each in sorted(self.shown))])

    def has(self, value: str) -> bool:
        return not self.is_chosen or value in self.shown


@dataclass(frozen=True, slots=True)
class LegendClass:
    value: str
    number: int
    label: str
    is_shown: bool

    @property
    def colour(self) -> int:
        return colour_of(self.number)


@dataclass(frozen=True, slots=True)
class Legend:
    """One layer of a key: its name, and its classes with what they are called."""

    kind: LayerKind
    name: str
    classes: tuple[LegendClass, ...]


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box in the units of the drawing, which has the image's width and height."""

    colour: int
    words: str
    x: str
    y: str
    width: str
    height: str
    foot: str


@dataclass(frozen=True, slots=True)
class Overlaid:
    """What lies over one image. `masks`: the end of the address of each."""

    masks: tuple[str, ...] = ()
    boxes: tuple[DrawnBox, ...] = ()
    wide: int = 1000
    high: int = 1000

    @property
    def letters(self) -> str:
        """How large words are beside a box, in the units of the drawing."""
        return f"{max(self.wide, self.high) / 24:.4g}"


@dataclass(slots=True)
class _Layers:
    """The layers of one key as they are met: their labels, and which classes boxes have."""

    key: str
    facts: Mapping[str, Any]
    picked: Picked
    labels: dict[tuple[LayerKind, str], dict[int, str]] = field(default_factory=dict)

    def meet(self, layer: Layer, more: Iterable[tuple[int, str]] = ()) -> dict[int, str]:
        name = (layer.kind, layer.name)
        if name not in self.labels:
            self.labels[name] = labels_of(self.facts, layer.kind, self.key, layer.name)
        for number, label in more:
            if len(self.labels[name]) < MOST_CLASSES:
                self.labels[name].setdefault(number, label)
        return self.labels[name]

    def hidden(self, layer: Layer) -> list[int]:
        return [number for number in self.meet(layer) if not self.picked.has(_value(layer, number))]

    def legends(self) -> tuple[Legend, ...]:
        return tuple(
            Legend(kind, name, tuple(self._classes(Layer(kind, name, ""), labels)))
            for (kind, name), labels in self.labels.items()
            if labels
        )

    def _classes(self, layer: Layer, labels: Mapping[int, str]) -> Iterable[LegendClass]:
        for number, label in sorted(labels.items()):
            value = _value(layer, number)
            yield LegendClass(value, number, label, self.picked.has(value))


def overlaid(
    key: str, items: Sequence[Item], files: Mapping[str, OpenFile], facts: Mapping[str, Any], picked: Picked
) -> tuple[list[Overlaid | None], tuple[Legend, ...]]:
    """For each item what lies over it, and the classes of all of them."""
    layers = _Layers(key, facts, picked)
    return [_over(item, files, layers) for item in items], layers.legends()


def _over(item: Item, files: Mapping[str, OpenFile], layers: _Layers) -> Overlaid | None:
    there = [layer for layer in item.layers if layer.path in files]
    if not there:
        return None
    wide, high = item.width or 1000, item.height or 1000
    masks: list[str] = []
    boxes: list[DrawnBox] = []
    for layer in there:
        if layer.kind is LayerKind.MASK:
            masks.append(_mask(layer, layers))
        else:
            boxes += _drawn(_boxes(item, files[layer.path]), layer, layers, wide, high)
    return Overlaid(tuple(masks), tuple(boxes), wide, high)


def _mask(layer: Layer, layers: _Layers) -> str:
    hidden = layers.hidden(layer)
    path = quote(layer.path.encode("utf-8", "replace"))
    return f"{path}?hide={','.join(map(str, hidden))}" if hidden else path


def _boxes(item: Item, file: OpenFile) -> Boxes:
    try:
        text = b"".join(read_file(file.file, end=MOST_BYTES))
    except Tampered as error:
        leave_out(error)
        return Boxes()
    return read_boxes(text, width=item.width, height=item.height)


def _drawn(found: Boxes, layer: Layer, layers: _Layers, wide: int, high: int) -> Iterable[DrawnBox]:
    unnamed = ((box.number, str(box.number)) for box in found.boxes)
    labels = layers.meet(layer, (*found.labels, *unnamed))
    for box in found.boxes:
        if layers.picked.has(_value(layer, box.number)):
            x, y = box.left * wide, box.top * high
            yield DrawnBox(
                colour=colour_of(box.number),
                words=box.caption or labels.get(box.number, str(box.number)),
                x=f"{x:.6g}",
                y=f"{y:.6g}",
                width=f"{box.width * wide:.6g}",
                height=f"{box.height * high:.6g}",
                foot=f"{max(y, max(wide, high) / 24):.6g}",
            )


def _value(layer: Layer, number: int) -> str:
    return f"{layer.kind}{_BETWEEN}{layer.name}{_BETWEEN}{number}"
