"""A nested value as the lines of a tree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import ngettext

from apps.runs.history.paths import TYPE_KEY, is_branch
from apps.web.figures import figure
from apps.web.values import is_number

MOST_LINES = 2000
_DEEPEST_INDENT = 6
_LONGEST_VALUE = 400


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a branch says how much is below it, a leaf its value."""

    key: str
    value: str
    depth: int
    is_branch: bool = False


def tree(values: dict[str, Any], *, measured: bool = False) -> list[Line]:
    """The lines of `values`; numbers as figures when they were measured, to the letter when they were chosen."""
    lines = []
    for line in _lines(values, 0, measured):
        lines.append(line)
        if len(lines) == MOST_LINES:
            break
    return lines


def _lines(values: dict[str, Any], depth: int, measured: bool) -> Iterator[Line]:
    indent = min(depth, _DEEPEST_INDENT)
    for key, value in values.items():
        if is_branch(value, depth + 1):
            below = ngettext("%(n)d key", "%(n)d keys", len(value)) % {"n": len(value)}
            yield Line(key, below, indent, is_branch=True)
            yield from _lines(value, depth + 1, measured)
        else:
            yield Line(key, written(value, measured=measured), indent)


def written(value: Any, *, measured: bool = False) -> str:
    """A leaf in words: text without quotes, media by kind, everything else as JSON."""
    if isinstance(value, str):
        return value[:_LONGEST_VALUE]
    if measured and is_number(value):
        return figure(value)
    if isinstance(value, dict) and isinstance(value.get(TYPE_KEY), str):
        return f"({value[TYPE_KEY]})"[:_LONGEST_VALUE]
    return json.dumps(value, ensure_ascii=False)[:_LONGEST_VALUE]
