"""A measured figure, and many of them as a table that people read and as JSON that programs compare."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "bench-results"


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, beside the least that this machine takes for the same work and the promise, where there is one."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    limit: float | None = None
    more_is_better: bool = False

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


def table(figures: Iterable[Figure]) -> str:
    """Markdown, one row a figure."""
    lines = ["| figure | measured | floor | promised | kept |", "| --- | ---: | ---: | ---: | --- |"]
    for one in figures:
        sign = "≥" if one.more_is_better else "≤"
        promised = "" if one.limit is None else f"{sign} {_written(one.limit, one.unit)}"
        kept = "" if one.limit is None else "yes" if one.is_kept else "**no**"
        floor = "" if one.floor is None else _written(one.floor, one.unit)
        lines.append(f"| {one.name} | {_written(one.value, one.unit)} | {floor} | {promised} | {kept} |")
    return "\n".join(lines)


def keep(name: str, figures: Sequence[Figure]) -> Path:
    """Into bench-results/, with what the machine was."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    whole = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processors": os.cpu_count(),
            "load": os.getloadavg(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "figures": [asdict(one) for one in figures],
    }
    path.write_text(json.dumps(whole, indent=2) + "\n")
    return path


def report(name: str, figures: Sequence[Figure]) -> None:
    keep(name, figures)
    print(table(figures))


def _written(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
