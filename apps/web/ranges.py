"""Parts of a file, as players and resumed downloads ask for them (RFC 9110, 14)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_RANGES = re.compile(r"bytes=([0-9,\-\s]{1,400})")
_ONE = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")
# Whoever asks for more parts than a player ever does gets the whole: each part costs its own head.
MOST_PARTS = 8

Part = tuple[int, int]


def parts_of(header: str, size: int) -> list[Part] | None:
    """The parts asked for, from and up to; empty when none of them lies in the file, None when the whole is to be sent."""
    found = _RANGES.fullmatch(header.strip())
    if found is None:
        return None
    asked = [_ONE.fullmatch(each.strip()) for each in found[1].split(",")]
    if len(asked) > MOST_PARTS or any(each is None or each.groups() == ("", "") for each in asked):
        return None
    parts = [_part(each[1], each[2], size) for each in asked if each is not None]
    if any(part is None for part in parts):
        return None
    there = [part for part in parts if part is not None and part[0] < part[1]]
    return None if _overlap(there) else there


def _part(first: str, last: str, size: int) -> Part | None:
    """None for what is no range at all: an end before its beginning."""
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


def _overlap(parts: Sequence[Part]) -> bool:
    ordered = sorted(parts)
    return any(first[1] > second[0] for first, second in pairwise(ordered))
