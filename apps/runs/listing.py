"""What the run table keeps of a config or a summary that is too large to be kept whole in memory.

Runs are filtered and sorted by short values. A few kilobytes on the wire or on the disk can open to many megabytes,
and a table holds thousands of runs. What is larger still is not looked into: no filter finds a run by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LARGEST_KEPT_WHOLE = 64 * 1024  # letters of JSON
LARGEST_LOOKED_INTO = 4 * 1024 * 1024
_LONGEST_TEXT = 1_000
_FOR_A_VALUE = 24  # a number with what stands around it


def shortened(value: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The short values, those near the top first, up to as much as would be kept whole; and how much that is."""
    kept: dict[str, Any] = {}
    size = 0
    for place, key, item in _short_values(value, kept):
        size += len(key) + (len(item) if isinstance(item, str) else _FOR_A_VALUE)
        if size > LARGEST_KEPT_WHOLE:
            break
        place[key] = item
    return kept, size


def _short_values(value: dict[str, Any], kept: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Each short value with the object to keep it in and its key, one level after the other."""
    level = [(value, kept)]
    while level:
        below = []
        for inside, place in level:
            for key, item in inside.items():
                if isinstance(item, dict) and item:
                    inner: dict[str, Any] = {}
                    yield place, key, inner
                    below.append((item, inner))
                elif isinstance(item, str):
                    yield place, key, item[:_LONGEST_TEXT]
                elif not isinstance(item, list):
                    yield place, key, item
        level = below
