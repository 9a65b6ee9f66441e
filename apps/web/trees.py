"""A nested value as a tree: bounded, searched as a whole, and read on from wherever it was cut."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import ngettext

from apps.core import jsontext
from apps.core.errors import NotFound
from apps.runs.history.paths import TYPE_KEY
from apps.web.figures import grouped, named_figure
from apps.web.values import is_number

MOST_LINES = 1000
_MOST_TOGETHER = 100  # of one branch, before the rest is left to ask for
_OPEN_TO_DEPTH = 3
_LONGEST_VALUE = 400
_LONGEST_EXACT = 4000
_LONGEST_LIST, _LONGEST_LIST_TEXT = 20, 80
_DIGITS = re.compile(r"([0-9]{1,18})")
Path = tuple[str, ...]
Items = Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class _Found:
    """A branch with only those of its children that a search found."""

    items: Items
    whole: Any


@dataclass(slots=True)
class Node:
    """One line: a branch says how much is below it, a leaf its value; what was cut can be asked for at `path`."""

    key: str
    path: Path
    value: str
    exact: str = ""  # the value to the letter, where it reads otherwise
    is_branch: bool = False
    is_open: bool = False
    is_cut: bool = False
    is_found: bool = False  # holds only what a search found
    children: list[Node] = field(default_factory=list)
    first_left: int = 0
    left: int = 0

    @property
    def identity(self) -> str:
        """The path as a script reads it."""
        return json.dumps([_sayable(key) for key in self.path], ensure_ascii=False)

    @property
    def left_words(self) -> str:
        if not self.children:
            return ngettext("Show %(n)s", "Show %(n)s", self.left) % {"n": grouped(self.left)}
        return ngettext("%(n)s more", "%(n)s more", self.left) % {"n": grouped(self.left)}


def tree(
    values: Any,
    *,
    measured: bool = False,
    find: str = "",
    path: Path = (),
    first: int = 0,
    most: int = MOST_LINES,
) -> Node:
    """What is below `path` from child `first` on, at most so many lines of it; with `find` only what has these
    letters in key or value, with what is above. Numbers as figures when they were measured, to the letter when chosen.
    """
    start = _at(values, path)
    if term := find.strip().casefold():
        start = _Found(_matching(start, term), start)
    grower = _Grower(_written_measured if measured else _written_chosen, most)
    return grower.root(path[-1] if path else "", path, start, first)


def leads(url: str, which: str, find: str = "") -> dict[str, str]:
    """What a tree of a run needs to lead on to what it leaves out."""
    return {
        "tree_id": f"tree-{which}",
        "tree_url": f"{url}/values/{which}",
        "tree_query": f"&{urlencode({'find': find})}" if find else "",
    }


def _at(values: Any, path: Path) -> Any:
    for key in path:
        found = [value for name, value in items_of(values) if name == key or _sayable(name) == key]
        if not found:
            raise NotFound("There is nothing under this name.")
        values = found[0]
    return values


def _sayable(key: str) -> str:
    """As it comes back in an address, where half a surrogate pair cannot stand."""
    return key.encode("utf-8", "replace").decode()


def items_of(value: Any) -> Items:
    """The children of a branch with their keys; nothing for a leaf."""
    if isinstance(value, _Found):
        return value.items
    if isinstance(value, Mapping):
        return sorted(value.items(), key=lambda item: by_name(item[0]))
    return [(str(place), item) for place, item in enumerate(value)] if isinstance(value, list) else []


def by_name(key: str) -> tuple[Any, ...]:
    """By name, layer2 before layer10, the client's own keys last: the client sends keys in no order."""
    parts = tuple(
        (part.isdigit(), int(part) if part.isdigit() else part) for part in _DIGITS.split(key.casefold())
    )
    return key.startswith("_"), parts


def is_branch(value: Any) -> bool:
    """Whether a value is folded: an object with anything in it, or a list that is no short line."""
    if isinstance(value, _Found):
        return True
    if isinstance(value, list):
        if len(value) > _LONGEST_LIST or any(isinstance(item, Mapping) and item for item in value):
            return True
        return len(jsontext.dumps(value)) > _LONGEST_LIST_TEXT
    return isinstance(value, Mapping) and bool(value)


def _matching(values: Any, term: str) -> Items:
    found: list[tuple[str, Any]] = []
    for key, value in items_of(values):
        if term in key.casefold():
            found.append((key, value))
        elif is_branch(value):
            if below := _matching(value, term):
                found.append((key, _Found(below, value)))
        elif term in plain(value).casefold():
            found.append((key, value))
    return found


class _Grower:
    """Grows nodes as long as there are lines left."""

    def __init__(self, write: Callable[[str, Any], str], lines: int) -> None:
        self._write, self._lines = write, lines

    def root(self, key: str, path: Path, value: Any, first: int) -> Node:
        node = Node(
            key, path, self._write(key, value), plain(value), is_branch=is_branch(value), is_open=True
        )
        node.is_found = isinstance(value, _Found)
        self._fill(node, items_of(value), first, self._lines)
        return node

    def _fill(self, node: Node, items: Items, first: int, together: int) -> None:
        place = first
        while place < len(items) and place - first < together and self._lines > 0:
            self._lines -= 1
            node.children.append(self._node(node.path, *items[place]))
            place += 1
        node.first_left, node.left = place, len(items) - place

    def _node(self, above: Path, key: str, value: Any) -> Node:
        path = (*above, key)
        if not is_branch(value):
            shown, exact = self._write(key, value), plain(value)
            is_cut = len(exact) > _LONGEST_VALUE
            exact = "" if exact == shown or len(exact) > _LONGEST_EXACT else exact
            return Node(key, path, shown, exact, is_cut=is_cut)
        items = items_of(value)
        below = value.whole if isinstance(value, _Found) else value
        node = Node(key, path, _below(below), is_branch=True, is_found=isinstance(value, _Found))
        node.is_open = node.is_found or (
            isinstance(below, Mapping) and TYPE_KEY not in below and len(path) <= _OPEN_TO_DEPTH
        )
        # What is folded is asked for when it is unfolded: it takes no lines from what is looked at.
        self._fill(node, items, 0, _MOST_TOGETHER if node.is_open else 0)
        return node


def _below(value: Any) -> str:
    if isinstance(value, Mapping) and isinstance(value.get(TYPE_KEY), str):
        return f"({value[TYPE_KEY]})"[:_LONGEST_VALUE]
    if isinstance(value, list):
        return ngettext("%(n)s item", "%(n)s items", len(value)) % {"n": grouped(len(value))}
    return ngettext("%(n)d key", "%(n)d keys", len(value)) % {"n": len(value)}


def plain(value: Any) -> str:
    """A leaf to the letter: text as it is, everything else as JSON."""
    if isinstance(value, _Found):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _written_measured(key: str, value: Any) -> str:
    """A leaf of a summary in words: its numbers as figures."""
    return named_figure(key, value) if is_number(value) else written(value)


def _written_chosen(_key: str, value: Any) -> str:
    return written(value)


def written(value: Any) -> str:
    """A leaf in words: text without quotes, media by kind, everything else as JSON."""
    if isinstance(value, _Found):
        return ""
    if isinstance(value, str):
        return value[:_LONGEST_VALUE]
    if isinstance(value, dict) and isinstance(value.get(TYPE_KEY), str):
        return f"({value[TYPE_KEY]})"[:_LONGEST_VALUE]
    return json.dumps(value, ensure_ascii=False)[:_LONGEST_VALUE]
