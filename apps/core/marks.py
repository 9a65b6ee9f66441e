"""Marks that turn the text after them around and are not seen themselves: in a name they only ever mislead."""

from __future__ import annotations

import re

_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def without_turning(text: str) -> str:
    return _TURNING.sub("", text)
