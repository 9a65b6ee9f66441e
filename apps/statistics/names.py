"""The list of public names that is shipped with the code. What is not on it is counted nowhere: a package that is somebody's
own has no place in anybody's memory, let alone in a figure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path

from apps.statistics.types import Listed

_DATA = Path(__file__).parent / "data"
LIST = _DATA / "library_names.txt"
# What comes along with nearly everything else, and would take the places of what people chose.
COMES_ALONG = _DATA / "comes_along.txt"


def words_in(path: Path) -> list[str]:
    """The lines that are no comment."""
    return [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def facts_in(path: Path) -> dict[str, str]:
    """What the comments at the head of the file say: `# date: 2026-11-27`."""
    heads = [line[1:].partition(":") for line in path.read_text("utf-8").splitlines() if line[:1] == "#"]
    return {name.strip(): value.strip() for name, colon, value in heads if colon}


@cache
def listed() -> Listed:
    """The names that are counted. Read once in a process, and only where something is counted or shown."""
    facts = facts_in(LIST)
    names = frozenset(words_in(LIST)) - frozenset(words_in(COMES_ALONG))
    return Listed(facts["source"], date.fromisoformat(facts["date"]), facts["licence"], names)


def written(names: Iterable[str], *, source: str, on: date, licence: str) -> str:
    """The file as it is shipped: facts, then the names in the order of the alphabet, so that a renewal reads as a difference."""
    head = [
        "# Names of public packages that may be counted; renewed by manage.py library_names.",
        f"# source: {source}",
        f"# date: {on.isoformat()}",
        f"# licence: {licence}",
    ]
    return "\n".join([*head, *sorted(set(names))]) + "\n"
