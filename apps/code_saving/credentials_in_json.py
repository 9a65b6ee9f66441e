"""Credentials in a JSON value: at which paths they stand, and the same value without them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from apps.code_saving.credentials import MASK, Detector, find, find_marks, is_named_secret, values_in

Path = tuple[str | int, ...]
# A short one, say a password that is a word, goes only where it stands alone: elsewhere it is a word.
LONG_ENOUGH = 12
Leaf = tuple[Path, str, str]  # where, beside which name, what


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


def secrets_at(value: Any, path: Path, detector: Detector) -> list[str]:
    """The credentials of this kind that stand at this path now."""
    for place, name, text in _leaves(value, (), ""):
        if place == path:
            return _secrets(name, text, detector)
    return []


def marks_in(value: Any) -> list[tuple[Path, Detector]]:
    """Where in the value a credential of which kind was masked on the way in."""
    return [
        (path, each.detector)
        for path, _, text in _leaves(value, (), "")
        for each in find_marks(text.encode("utf-8", "surrogatepass"))
    ]


def without(value: Any, secrets: Iterable[str]) -> Any:
    """The value with a mark in place of each of these texts, wherever they stand in it, names included."""
    return replaced(value, dict.fromkeys(secrets, MASK))


def replaced(value: Any, marks: Mapping[str, str]) -> Any:
    """The value with another text in place of each of these, wherever they stand in it, names included."""
    longest_first = sorted(marks.items(), key=lambda pair: len(pair[0]), reverse=True)
    return _changed(value, partial(_text_replaced, marks=longest_first))


def _text_replaced(text: str, *, marks: list[tuple[str, str]]) -> str:
    for secret, mark in marks:
        if len(secret) >= LONG_ENOUGH:
            text = text.replace(secret, mark)
        elif text == secret:
            text = mark
        elif text.startswith("-") and text.endswith(f"={secret}"):
            text = text[: -len(secret)] + mark
    return text


def _secrets(name: str, text: str, detector: Detector) -> list[str]:
    if detector is not Detector.NAMED:
        return values_in(text, detector)
    named = _named_value(name, text)
    return [named] if named is not None else []


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


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _changed(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_changed(item, change) for item in value]
    return value
