"""Runs in groups: those that have the same values under some keys, and what their numbers come to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core import jsontext
from apps.runs.fields import Getter, Listed, getter
from apps.runs.filters import Order
from apps.runs.history.paths import MISSING


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs that are alike. The group goes by the public id of its oldest run in the whole project, whatever is
    filtered; `rank` counts the groups of the project by that, from one."""

    id: str
    rank: int
    values: tuple[Any, ...]
    runs: list[Listed]


@dataclass(frozen=True, slots=True)
class Spread:
    """What the numbers of a group come to."""

    mean: float
    least: float
    most: float


def group_runs(
    found: Sequence[Listed], everything: Iterable[Listed], *, by: Sequence[str], order: Order | None = None
) -> list[RunGroup]:
    """The runs found, in groups, each in the order given. Groups whose numbers can be compared stand by their mean
    under the key that is sorted by, others by their first run."""
    getters = [getter(key) for key in by]
    oldest: dict[tuple[Any, ...], tuple[str, int]] = {}
    for run in sorted(everything, key=lambda run: run.id):
        oldest.setdefault(_identity(run, getters), (run.public_id, len(oldest) + 1))
    members: dict[tuple[Any, ...], list[Listed]] = {}
    for run in found:
        members.setdefault(_identity(run, getters), []).append(run)
    groups = [
        RunGroup(*oldest[key], values=tuple(get(runs[0]) for get in getters), runs=runs)
        for key, runs in members.items()
    ]
    return _by_mean(groups, order) if order else groups


def spread(runs: Iterable[Listed], get: Getter) -> Spread | None:
    """None where no run has a number there; NaN and infinities are left out."""
    numbers = [value for run in runs if is_finite(value := get(run))]
    if not numbers:
        return None
    return Spread(math.fsum(numbers) / len(numbers), min(numbers), max(numbers))


def _by_mean(groups: list[RunGroup], order: Order) -> list[RunGroup]:
    spreads = {group.id: spread(group.runs, order.get) for group in groups}
    sign = -1 if order.is_descending else 1

    def place(group: RunGroup) -> tuple[bool, float]:
        found = spreads[group.id]
        return (True, 0.0) if found is None else (False, sign * found.mean)

    return sorted(groups, key=place)


def is_finite(value: Any) -> bool:
    """Whether it is a number that can be compared and added to others."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:  # an integer that no float holds
        return False


def _identity(run: Listed, getters: Sequence[Getter]) -> tuple[Any, ...]:
    return tuple(_same(get(run)) for get in getters)


def _same(value: Any) -> Any:
    """Equal for values that people call the same: 1 and 1.0 are, 1 and true are not."""
    if value is MISSING:
        return ("nothing",)
    if type(value) in (int, float):
        return ("number", value if value == value else "NaN")
    if isinstance(value, list):
        return ("list", *sorted(jsontext.dumps(each) for each in value))
    if isinstance(value, dict):
        return ("object", jsontext.dumps(value))
    return (type(value).__name__, value)
