"""In which lines of a text credentials stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.code_saving.credentials import Detector, Found


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a text, from 0, over which a credential goes."""

    detector: Detector
    first: int
    last: int


def lines_of(data: bytes, found: Iterable[Found]) -> Iterator[Lines]:
    """In which lines of these bytes something was found. They are searched as one: a call for each line would cost thirty times as much."""
    line = at = 0
    for each in found:
        first = line + data.count(b"\n", at, each.start)
        line = first + data.count(b"\n", each.start, each.end)
        at = each.end
        yield Lines(each.detector, first, line)
