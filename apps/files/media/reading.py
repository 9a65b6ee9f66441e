"""The media of a run: under which keys, at which steps, and what one step holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.files.media.kinds import items_of, kind_of_type
from apps.files.media.types import Item, Kind
from apps.runs.history import store
from apps.runs.history.keys import KeyList
from apps.runs.history.paths import dotted

if TYPE_CHECKING:
    from apps.runs.models import Run


@dataclass(frozen=True, slots=True)
class MediaKey:
    """A key under which a run logs media, of which kind (the one it logs most), and how often."""

    name: str
    kind: Kind
    count: int
    last_step: float | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a key holds at one of its steps; no step and nothing where it holds nothing."""

    steps: tuple[float, ...]
    step: float | None
    items: tuple[Item, ...]


def media_keys(keys: KeyList) -> list[MediaKey]:
    """From the list that is kept as rows come in: no row is read."""
    found = []
    for path, facts in keys.keys.items():
        counts: dict[Kind, int] = {}
        for name, count in facts.types.items():
            if (kind := kind_of_type(name)) is not None:
                counts[kind] = counts.get(kind, 0) + count
        if counts:
            most = max(counts, key=lambda kind: counts[kind])
            found.append(MediaKey(dotted(path), most, sum(counts.values()), facts.last_step))
    return found


def shown_at(run: Run, names: Sequence[str], step: float | None = None) -> dict[str, Shown]:
    """What each of these keys holds at the step nearest to the one asked for; at its last when none is."""
    return {name: _shown(found) for name, found in store.placed_values(run, names, step).items()}


def shown_in_runs(runs: Sequence[Run], name: str, step: float | None = None) -> dict[int, Shown]:
    """The same of one key in many runs, by the run's key. Runs whose own key is erased are absent."""
    return {pk: _shown(found) for pk, found in store.placed_in_runs(runs, name, step).items()}


def _shown(found: store.Placed) -> Shown:
    return Shown(found.steps, found.step, tuple(items_of(found.value)))
