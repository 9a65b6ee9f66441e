"""Console lines for the page: the client's prefix read, escape sequences off."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# "ERROR 2026-11-23T06:52:37.817435 text": the mark and the time that the client puts before a line.
_PREFIX = re.compile(r"(?P<error>ERROR )?\d{4}-\d\d-\d\dT(?P<time>\d\d:\d\d:\d\d)(?:\.\d+)?Z? ?", re.ASCII)
# Colours, cursor moves and titles, then whatever control characters are left.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
LONGEST_LINE = 4000


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    number: int
    time: str
    text: str
    is_error: bool


def console_lines(lines: Iterable[str], *, first: int) -> list[ConsoleLine]:
    """The lines from number `first` on; people count from one."""
    return [_line(first + place + 1, line) for place, line in enumerate(lines)]


def _line(number: int, line: str) -> ConsoleLine:
    found = _PREFIX.match(line)
    text = line[found.end() :] if found else line
    clean = _CONTROLS.sub("", _ESCAPES.sub("", text.rstrip("\r\n")))[:LONGEST_LINE]
    return ConsoleLine(number, found["time"] if found else "", clean, bool(found and found["error"]))
