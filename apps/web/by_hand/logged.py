"""What a run has logged so far, as the page that adds to it shows it."""

from __future__ import annotations

from dataclasses import dataclass

from apps.runs.history.keys import KeyFacts, KeyList
from apps.runs.history.paths import MISSING, dotted
from apps.web.figures import figure, grouped

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Logged:
    """A name with its last value."""

    name: str
    last: str
    step: str
    count: str


def logged(keys: KeyList) -> list[Logged]:
    """The first names that are no client's own, each with the value that it had last."""
    shown = [(dotted(path), facts) for path, facts in keys.keys.items() if not path[0].startswith("_")]
    return [_of(name, facts) for name, facts in shown[:MOST_SHOWN]]


def _of(name: str, facts: KeyFacts) -> Logged:
    return Logged(
        name=name,
        last="" if facts.last is MISSING else figure(facts.last),
        step="" if facts.last_step is None else grouped(int(facts.last_step)),
        count=grouped(facts.count),
    )
