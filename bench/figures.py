"""A measured figure, and what figures come to."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, beside the least that this machine takes for the same work and the promise, where there is one."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    limit: float | None = None
    more_is_better: bool = False
    database: str = ""  # where it was measured on each of them
    how: str = ""  # in a line, the same for all that was measured together
    when: str = ""  # and where it was measured again since the rest of its report: the date and the commit

    @property
    def is_kept(self) -> bool:
        if self.limit is None:
            return True
        return self.value >= self.limit if self.more_is_better else self.value <= self.limit


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def share(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def most_memory_here() -> float:
    """MiB that this process held at most. `getrusage` tells the most of whoever started it too, from before the program was another."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found, "this system does not tell how much memory a process held"
    return int(found[1]) / 1024
