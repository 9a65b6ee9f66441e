"""Figures as tables that people read and as JSON that programs compare, with what the machine was.

Every run is kept in bench-results/. `make bench DOCS=yes` also renews docs/benchmarks.json and, from it, the tables of
docs/benchmarks.md and README.md; tests/house/test_benchmarks.py holds the three to each other.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import psutil

from bench.figures import Figure

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench-results"
KEPT = ROOT / "docs" / "benchmarks.json"
BEGIN, END = "<!-- figures: written by make bench DOCS=yes -->", "<!-- end of figures -->"
_TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one run of the bench, and what they were measured on."""

    machine: dict[str, str]
    figures: list[Figure]
    left_out: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        whole = json.loads(text)
        return cls(whole["machine"], [Figure(**one) for one in whole["figures"]], whole["left_out"])


def machine() -> dict[str, str]:
    """What is measured on, asked before the measuring begins."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "processors": f"{os.cpu_count()} ({_processor()})",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "load": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
        "Python": platform.python_version(),
        "Django": version("django"),
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _postgresql(),
    }


def whole_text(report: Report) -> str:
    """All of it, a table for what was measured together."""
    facts = "; ".join(f"{name} {value}" for name, value in report.machine.items())
    parts = [f"Measured on: {facts}."]
    for (how, when), figures in groupby(report.figures, key=lambda one: (one.how, one.when)):
        again = f"Measured again on {when}." if when else ""
        parts += [*filter(None, [how, again]), table(list(figures))]
    return "\n\n".join([*parts, *(f"Not measured: {why}" for why in report.left_out)])


def short_text(report: Report) -> str:
    """What was measured on both databases, and a line on the machine."""
    told = report.machine
    where = f"processors {told['processors']}, memory {told['memory']}, {told['kernel']}, load before it {told['load']}"
    made = f"Measured by `make bench` on {told['date']} at commit {told['commit']}: {where}."
    shown = [one for one in report.figures if one.database]
    again = "Some figures were measured again since, as docs/benchmarks.md says of each."
    return "\n\n".join([" ".join([made, again] if any(one.when for one in shown) else [made]), table(shown)])


def table(figures: Sequence[Figure]) -> str:
    """Markdown, one row a figure; of what was measured on several databases a column for each."""
    databases = list(dict.fromkeys(one.database for one in figures))
    titles = [_TITLES.get(name, "measured") for name in databases]
    lines = [
        f"| figure | {' | '.join(titles)} | floor | promised | kept |",
        f"| --- |{' ---: |' * len(titles)} ---: | ---: | --- |",
    ]
    by_name: dict[str, dict[str, Figure]] = {}
    for one in figures:
        by_name.setdefault(one.name, {})[one.database] = one
    for name, on in by_name.items():
        cells = [_written(on[each].value, on[each].unit) if each in on else "" for each in databases]
        lines.append(f"| {name} | {' | '.join([*cells, *_beside(list(on.values()))])} |")
    return "\n".join(lines)


def _beside(same: Sequence[Figure]) -> tuple[str, str, str]:
    """Floor (the lowest that was found), promise, and whether it is kept everywhere. Where each database has a promise of its own,
    reckoned from its own floor, both stand there for each, in the order of the columns."""
    first = same[0]
    told = same if len({one.limit for one in same}) > 1 else same[:1]
    floors = [one.floor for one in same if one.floor is not None]
    if len(told) == 1:
        floors = floors and [min(floors)]
    floor = " / ".join(_written(each, first.unit) for each in floors)
    limits = " / ".join(_written(one.limit, first.unit) for one in told if one.limit is not None)
    if not limits:
        return floor, "", ""
    promised = f"{'≥' if first.more_is_better else '≤'} {limits}"
    return floor, promised, "yes" if all(one.is_kept for one in same) else "**no**"


def report(name: str, figures: Sequence[Figure], *, left_out: Iterable[str] = ()) -> Report:
    """Keep in bench-results/ and print."""
    made = Report(machine(), list(figures), list(left_out))
    keep(name, made)
    return made


def keep(name: str, made: Report) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(made.to_json())
    (RESULTS / f"{name}.md").write_text(whole_text(made) + "\n")
    print(whole_text(made))


# ── The documents ──

PLACES: dict[Path, Callable[[Report], str]] = {
    ROOT / "docs" / "benchmarks.md": whole_text,
    ROOT / "README.md": short_text,
}


def renewed(kept: Report, made: Report) -> Report:
    """What is kept, with what was measured again in the place of what was measured together with it then. Each tells when."""
    names = {one.name for one in made.figures}
    earlier = {one.how for one in kept.figures if one.name in names}
    when = f"{made.machine['date']} at commit {made.machine['commit']}, load before it {made.machine['load']}"
    again = [replace(one, when=when) for one in made.figures]
    at = next((place for place, one in enumerate(kept.figures) if one.how in earlier), len(kept.figures))
    rest = [one for one in kept.figures if one.how not in earlier]
    return replace(kept, figures=[*rest[:at], *again, *rest[at:]])


def publish(made: Report) -> None:
    """Renew what the documents say."""
    KEPT.write_text(made.to_json())
    for path, text in PLACES.items():
        path.write_text(with_figures(path.read_text(), text(made)))


def with_figures(document: str, figures: str) -> str:
    """The document with these figures between its marks."""
    before, _, rest = document.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"the document has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip()

    return git("rev-parse", "--short=10", "HEAD") + (" with changes" if git("status", "--porcelain") else "")


def _processor() -> str:
    """Its name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def _postgresql() -> str:
    from tests.servers import _postgres_bin

    said = subprocess.run(
        [_postgres_bin() / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return said.stdout.split()[-1]


def _written(value: float, unit: str) -> str:
    if value >= 100 or value == 0:
        return f"{value:,.0f} {unit}"
    return f"{value:.3g} {unit}"
