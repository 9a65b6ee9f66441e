"""A lineage as columns of boxes with lines between them: from left to right, what was first stands first."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.crypto import salted_hmac

WIDE, HIGH = 208, 44
_ACROSS, _DOWN, _EDGE = WIDE + 56, HIGH + 12, 20
FEWEST_FOLDED = 4
MOST_IN_A_COLUMN = 16
_LETTERS, _SMALL_LETTERS = 25, 31

Key = tuple[str, int]
Edge = tuple[Key, Key]


@dataclass(frozen=True, slots=True)
class Node:
    """A run or a version. `like` are those with which it is folded into one box when they are many."""

    key: Key
    layer: int
    title: str
    url: str
    detail: str = ""  # its type, or the state of a run
    colour: int = 0  # of its type; runs have none
    like: tuple[str, str] = ("", "")  # what they are, and the name that they have in common
    is_here: bool = False

    @property
    def is_run(self) -> bool:
        return self.key[0] == "run"


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or several folded into one."""

    nodes: tuple[Node, ...]
    fold: str = ""  # by which it is asked to be opened
    common: str = ""  # what those folded have in common
    x: int = 0
    y: int = 0

    @property
    def first(self) -> Node:
        return self.nodes[0]

    @property
    def is_run(self) -> bool:
        return self.first.is_run

    @property
    def short(self) -> str:
        return short(self.common if self.fold else self.first.title)

    @property
    def short_detail(self) -> str:
        return short(self.first.detail, _SMALL_LETTERS)

    @property
    def plain(self) -> str:
        """The whole name for a picture, where no element can isolate it."""
        return _plain(self.common if self.fold else self.first.title)

    @property
    def text_x(self) -> int:
        return self.x + 16

    @property
    def text_y(self) -> int:
        return self.y + 19

    @property
    def detail_y(self) -> int:
        return self.y + 35


@dataclass(slots=True)
class Drawing:
    width: int = 0
    height: int = 0
    columns: list[tuple[int, list[Box]]] = field(default_factory=list)  # layer and what stands in it
    paths: list[str] = field(default_factory=list)

    @property
    def boxes(self) -> list[Box]:
        return [box for _layer, boxes in self.columns for box in boxes]


def drawn(nodes: Sequence[Node], edges: Sequence[Edge], opened: Collection[str] = ()) -> Drawing:
    """The picture. What is alike is folded, and what is too much for a column; `opened` are folds that are not."""
    beside = _beside(edges)
    columns = _columns(nodes, beside, opened)
    tallest = max((len(boxes) for _layer, boxes in columns), default=0)
    picture = Drawing(
        2 * _EDGE + max(0, len(columns) - 1) * _ACROSS + WIDE, 2 * _EDGE + max(0, tallest - 1) * _DOWN + HIGH
    )
    places: dict[Key, tuple[int, int]] = {}
    for number, (layer, boxes) in enumerate(columns):
        x, top = _EDGE + number * _ACROSS, _EDGE + (tallest - len(boxes)) * _DOWN // 2
        placed = [Box(box.nodes, box.fold, box.common, x, top + row * _DOWN) for row, box in enumerate(boxes)]
        places |= {node.key: (box.x, box.y) for box in placed for node in box.nodes}
        picture.columns.append((layer, placed))
    paths = (_path(places[a], places[b]) for a, b in edges if a in places and b in places)
    picture.paths = list(dict.fromkeys(paths))
    return picture


def _beside(edges: Sequence[Edge]) -> dict[Key, list[Key]]:
    beside: dict[Key, list[Key]] = defaultdict(list)
    for before, after in edges:
        beside[before].append(after)
        beside[after].append(before)
    return beside


def _columns(
    nodes: Sequence[Node], beside: Mapping[Key, list[Key]], opened: Collection[str]
) -> list[tuple[int, list[Box]]]:
    layers: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        layers[node.layer].append(node)
    order: dict[Key, float] = {}
    done: dict[int, list[Box]] = {}
    for layer in sorted(layers, key=abs):  # from the middle outwards: what is nearer is in its place already
        boxes = _folded(layers[layer], beside, opened)
        boxes.sort(key=lambda box: (_middle(box, beside, order), box.first.key))
        boxes = _within(layer, boxes, opened)
        order |= {node.key: float(place) for place, box in enumerate(boxes) for node in box.nodes}
        done[layer] = boxes
    return [(layer, done[layer]) for layer in sorted(done)]


def _folded(nodes: Sequence[Node], beside: Mapping[Key, list[Key]], opened: Collection[str]) -> list[Box]:
    """Those that are alike as one box: runs of one group or job, runs beside the same versions, versions of one artifact."""
    alike: dict[tuple[object, ...], list[Node]] = defaultdict(list)
    for node in nodes:
        common = node.like if node.like[1] else tuple(sorted(beside.get(node.key, ())))
        alike[node.key[0], node.is_here, common].append(node)
    boxes = []
    for members in alike.values():
        fold = fold_of(members[0], *members[0].like)
        if len(members) < FEWEST_FOLDED or fold in opened:
            boxes += [Box((node,)) for node in members]
        else:
            boxes.append(Box(tuple(members), fold, members[0].like[1]))
    return boxes


def _within(layer: int, boxes: list[Box], opened: Collection[str]) -> list[Box]:
    """So many as a column may have; the rest as one box at its foot."""
    if len(boxes) <= MOST_IN_A_COLUMN:
        return boxes
    kept = [box for box in boxes if any(node.is_here for node in box.nodes)]
    others = [box for box in boxes if box not in kept]
    room = MOST_IN_A_COLUMN - 1 - len(kept)
    fold = _digest("rest", str(layer))
    if fold in opened:
        return boxes
    rest = tuple(node for box in others[room:] for node in box.nodes)
    return [*kept, *others[:room], Box(rest, fold)]


def fold_of(first: Node, kind: str, name: str) -> str:
    """What a fold is called in an address: it tells nothing of the names in it."""
    return _digest(str(first.layer), kind, name or f"{first.key}")


def _digest(*parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return salted_hmac("ownlog.web.fold", text, algorithm="sha256").hexdigest()[:10]


def _middle(box: Box, beside: Mapping[Key, list[Key]], order: Mapping[Key, float]) -> float:
    known = [order[key] for node in box.nodes for key in beside.get(node.key, ()) if key in order]
    return sum(known) / len(known) if known else 0.0


def _path(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x1, y1), (x2, y2) = start, end
    x1, y1, y2 = x1 + WIDE, y1 + HIGH // 2, y2 + HIGH // 2
    half = (x1 + x2) // 2
    return f"M{x1} {y1}C{half} {y1} {half} {y2} {x2} {y2}"


def short(title: str, letters: int = _LETTERS) -> str:
    """As much of a name as a box is wide, its end kept, for there stands the number of a version; wide letters count twice."""
    plain = _plain(title[:1000])
    if _width(plain) <= letters:
        return plain
    head, tail = "", plain[-5:]
    for letter in plain:
        if _width(head + letter + tail) >= letters:
            break
        head += letter
    return f"{head}…{tail}"


def _plain(title: str) -> str:
    """Without what turns or breaks a line: a text of a picture has neither."""
    return " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in title).split())


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
