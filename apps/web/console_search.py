"""Which lines of a log hold what a person looks for: a stretch in memory at a time, and no longer than a person waits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.runs.history import store
from apps.web.console import LONGEST_READ, Wanted

if TYPE_CHECKING:
    from apps.runs.models import Run

MOST_FOUND = 20_000
SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Found:
    """Numbers of lines, from zero, and the line to go on from, or None when the log is at its end."""

    numbers: list[int]
    after: int | None


def find_lines(run: Run, looked_for: Wanted, *, first: int = 0, most: int = MOST_FOUND) -> Found:
    """The lines from `first` on that hold it, up to `most`; fewer when time is up."""
    deadline = time.monotonic() + SECONDS
    numbers: list[int] = []
    for start, lines in store.console_stretches(run, first, longest=LONGEST_READ):
        for number, line in enumerate(lines, start):
            if looked_for.takes(line):
                numbers.append(number)
            # Asked at each line: thousands of a stretch, made to be slow, would be a minute.
            if len(numbers) == most or time.monotonic() > deadline:
                return Found(numbers, number + 1)
    return Found(numbers, None)
