"""Which charts a page has: one panel a metric, in sections by prefix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.runs.defined import Definitions
from apps.runs.history.keys import KeyList
from apps.runs.history.paths import dotted
from apps.web.trees import by_name

MOST_PANELS = 240
# Runs in one panel: more lines than this no eye tells apart. The pages tell their scripts.
MOST_DRAWN = 100
_FIRST_PREFIXES = ("val", "valid", "validation", "eval", "test")
_NEXT_PREFIXES = ("train", "training")


@dataclass(frozen=True, slots=True)
class Section:
    """Metrics that share what stands before the first slash."""

    title: str
    keys: list[str]


def metric_names(lists: Iterable[KeyList], definitions: Definitions | None = None) -> list[str]:
    """The numbers that these runs log, by name: the client sends the keys of a row in no order, so that the order in
    which they came would be another one for each run.

    The client's counters are left out, and what a script has defined as hidden.
    """
    names: set[str] = set()
    for keys in lists:
        for path, facts in keys.keys.items():
            if "number" in facts.types and not path[0].startswith("_"):
                names.add(dotted(path))
    return sorted(
        (each for each in names if definitions is None or not definitions.is_hidden(each)), key=by_name
    )


def sections(names: Iterable[str]) -> list[Section]:
    """What is measured on held-out data first, then in training, then sections as they come, then metrics without a
    prefix."""
    found: dict[str, list[str]] = {}
    for name in list(names)[:MOST_PANELS]:
        prefix, slash, _ = name.partition("/")
        found.setdefault(prefix if slash else "", []).append(name)
    return [Section(prefix, found[prefix]) for prefix in sorted(found, key=_place)]


def _place(prefix: str) -> int:
    if prefix.lower() in _FIRST_PREFIXES:
        return 0
    return 1 if prefix.lower() in _NEXT_PREFIXES else 2 if prefix else 3
