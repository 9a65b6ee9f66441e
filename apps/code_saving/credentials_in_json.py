"""Credentials in a JSON value: at which paths they stand, and the same value without them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from apps.code_saving.credentials import MASK, Detector, Found, find, find_marks, is_named_secret

Path = tuple[str | int, ...]
# A short one, say a password that is a word, goes only where it stands alone: elsewhere it is a word.
LONG_ENOUGH = 12
# So many of the others are also looked for inside of every text: each is a search of its own.
_MOST_INSIDE = 300
Leaf = tuple[Path, str, str]  # where, beside which name, what


@dataclass(frozen=True, slots=True)
class Held:
    """A text of a value, as bytes, and the credentials in it by their places there."""

    path: Path
    data: bytes
    found: list[Found]

    def secrets(self) -> list[tuple[str, Detector]]:
        return [
            (self.data[each.start : each.end].decode("utf-8", "surrogatepass"), each.detector)
            for each in self.found
        ]

    def changed(self, mark: Callable[[Detector], str]) -> str:
        """The text with a mark in place of each, in one pass."""
        parts, done = [], 0
        for each in self.found:
            parts += [self.data[done : each.start], mark(each.detector).encode()]
            done = each.end
        return b"".join([*parts, self.data[done:]]).decode("utf-8", "surrogatepass")


def spots(value: Any) -> list[tuple[Path, Detector]]:
    """Where in the value which kind of credential stands, each once. All texts are searched as one: one call costs as much as a page."""
    leaves = list(_leaves(value, (), ""))
    parts = [text.encode("utf-8", "surrogatepass") for _, _, text in leaves]
    starts, at = [], 0
    for part in parts:
        starts.append(at)
        at += len(part) + 1
    found = [
        (leaves[bisect_right(starts, each.start) - 1][0], each.detector) for each in find(b"\n".join(parts))
    ]
    known = {path for path, _ in found}
    named = [
        (path, Detector.NAMED)
        for path, name, text in leaves
        if path not in known and _named_value(name, text) is not None
    ]
    return list(dict.fromkeys(found + named))


def held_at(value: Any, spots: Iterable[tuple[Path, Detector]]) -> list[Held]:
    """The texts at these paths that hold a credential of these kinds now. One pass, however many are asked for."""
    kinds: dict[Path, set[Detector]] = {}
    for path, detector in spots:
        kinds.setdefault(path, set()).add(detector)
    if not kinds:  # most configs
        return []
    held = [
        _held(path, name, text, kinds[path]) for path, name, text in _leaves(value, (), "") if path in kinds
    ]
    return [each for each in held if each.found]


def secrets_at(value: Any, path: Path, detector: Detector) -> list[str]:
    """The credentials of this kind that stand at this path now."""
    return [secret for each in held_at(value, [(path, detector)]) for secret, _ in each.secrets()]


def marks_in(value: Any) -> list[tuple[Path, Detector]]:
    """Where in the value a credential of which kind was masked on the way in."""
    return [
        (path, each.detector)
        for path, _, text in _leaves(value, (), "")
        for each in find_marks(text.encode("utf-8", "surrogatepass"))
    ]


def without(value: Any, held: Iterable[Held]) -> Any:
    """The value with a mark in place of each of these, wherever else they stand in it, names included."""
    return replaced(value, held, lambda _: MASK)


def replaced(value: Any, held: Iterable[Held], mark: Callable[[Detector], str]) -> Any:
    """The value with a mark of its kind in place of each of these: where they were found, where they stand alone, and the first
    so many of the longer ones wherever they stand, names included."""
    own: dict[Path, str] = {}
    marks: dict[str, str] = {}
    for each in held:
        own[each.path] = each.changed(mark)
        for secret, detector in each.secrets():
            marks.setdefault(secret, mark(detector))
    inside = list(islice((secret for secret in marks if len(secret) >= LONG_ENOUGH), _MOST_INSIDE))
    longest_first = sorted(inside, key=len, reverse=True)
    return _changed(value, (), own, partial(_text_replaced, marks=marks, inside=longest_first))


def _text_replaced(text: str, *, marks: Mapping[str, str], inside: list[str]) -> str:
    if text in marks:
        return marks[text]
    flag, _, value = text.partition("=")
    if flag.startswith("-") and value in marks:
        return f"{flag}={marks[value]}"
    for secret in inside:
        text = text.replace(secret, marks[secret])
    return text


def _held(path: Path, name: str, text: str, kinds: Collection[Detector]) -> Held:
    data = text.encode("utf-8", "surrogatepass")
    found = [each for each in find(data) if each.detector in kinds]
    named = _named_value(name, text) if Detector.NAMED in kinds and not found else None
    if named is not None:
        size = len(named.encode("utf-8", "surrogatepass"))
        found = [Found(Detector.NAMED, len(data) - size, len(data))]
    return Held(path, data, found)


def _named_value(name: str, text: str) -> str | None:
    """The secret in a text beside such a name, or in one that is a flag with its value."""
    if is_named_secret(name, text):
        return text
    flag, has_value, value = text.partition("=")
    is_flag = has_value and flag.startswith("-") and is_named_secret(flag, value)
    return value if is_flag else None


def _leaves(value: Any, path: Path, name: str) -> Iterator[Leaf]:
    """The texts in a value. In a list each stands beside the one before: so a flag and its value do on a command line."""
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            # The client wraps what a script set as {"value": …}.
            yield from _leaves(item, (*path, key), name if key == "value" else key)
    elif isinstance(value, list):
        before = ""
        for number, item in enumerate(value):
            yield from _leaves(item, (*path, number), before)
            before = item if isinstance(item, str) and item.startswith("-") else ""


def _changed(value: Any, path: Path, own: Mapping[Path, str], change: Callable[[str], str]) -> Any:
    """The value with other texts: first those that a path has of its own, then whatever `change` makes of each."""
    if isinstance(value, str):
        return change(own.get(path, value))
    if isinstance(value, dict):
        return {change(key): _changed(item, (*path, key), own, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_changed(item, (*path, at), own, change) for at, item in enumerate(value)]
    return value
