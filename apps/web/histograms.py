"""Histograms as a run logs them: over its steps as a ridge, one of them exactly, several runs over each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.core.errors import Invalid
from apps.runs.history import store
from apps.runs.history.codec import as_number
from apps.runs.history.keys import KeyList
from apps.runs.history.paths import TYPE_KEY, Row, dotted, pick
from apps.web.trees import by_name
from apps.web.values import is_number

if TYPE_CHECKING:
    from apps.runs.models import Run

KIND = "histogram"
MOST_OVER_TIME = 60
MOST_BINS = 4096
_STEP = "_step"
_LONGEST_KEY = 2000
_FARTHEST_EDGE = 1e300  # the distance between two of them is still a number
_FAR = 0.002


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often values fell between each edge and the next; the counts as they were logged."""

    edges: tuple[float, ...]
    counts: tuple[int | float, ...]

    @property
    def total(self) -> int | float:
        return sum(self.counts)

    @property
    def bins(self) -> Iterator[tuple[float, float, int | float]]:
        return zip(self.edges, self.edges[1:], self.counts, strict=False)

    def densities(self) -> list[float]:
        """The share of all values per unit of the axis: what stays the same when bins are cut otherwise."""
        total = float(self.total) or 1.0
        return [float(count) / total / (high - low) if high > low else 0.0 for low, high, count in self.bins]


@dataclass(frozen=True, slots=True)
class Placed:
    """A histogram with the step at which it was logged."""

    step: float
    histogram: Histogram


def histogram_names(lists: Iterable[KeyList]) -> list[str]:
    """The histograms that these runs log, by name."""
    names = {dotted(path) for keys in lists for path, facts in keys.keys.items() if KIND in facts.types}
    return sorted(names, key=by_name)


def named(text: str) -> str:
    """The key that an address asks for."""
    if not text or len(text) > _LONGEST_KEY:
        raise Invalid("A histogram needs its key.")
    return text


def histogram_of(value: Any) -> Histogram | None:
    """What the client logged, in either of its forms (edges, or the first edge and a width); None for anything else."""
    if not isinstance(value, Mapping) or value.get(TYPE_KEY) != KIND:
        return None
    counts, edges = value.get("values"), value.get("bins")
    if edges is None:
        edges = _unpacked(value.get("packedBins"))
    if not (isinstance(counts, list) and isinstance(edges, list)) or not 0 < len(counts) <= MOST_BINS:
        return None
    if len(edges) != len(counts) + 1:
        return None
    try:
        found = Histogram(tuple(float(each) for each in edges), tuple(_count(each) for each in counts))
    except (TypeError, ValueError, OverflowError):
        return None
    return found if _is_sound(found) else None


def over_time(run: Run, name: str, *, most: int = MOST_OVER_TIME) -> list[Placed]:
    """At most so many histograms, evenly spread over the run, the last among them."""
    return list(_placed(store.sample_keys(run, [name, _STEP], most), name))


def at_step(run: Run, name: str, step: float) -> Placed | None:
    """The last histogram that was logged at this step."""
    rows = store.sample_keys(run, [name, _STEP], 1, first_step=step, last_step=step)
    return next(_placed(rows, name), None)


def _placed(rows: Iterable[Row], name: str) -> Iterator[Placed]:
    for row in rows:
        found, step = histogram_of(pick(row, name)), as_number(row, _STEP)
        if found is not None and step is not None and math.isfinite(step):
            yield Placed(step, found)


def _unpacked(packed: Any) -> list[float] | None:
    if not isinstance(packed, Mapping):
        return None
    low, width, count = packed.get("min"), packed.get("size"), packed.get("count")
    if low is None or width is None or type(count) is not int or not 0 < count <= MOST_BINS:
        return None
    return (
        [low + width * place for place in range(count + 1)] if is_number(low) and is_number(width) else None
    )


def _count(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    float(value)  # one that no float holds could not be drawn
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_sound(found: Histogram) -> bool:
    """Edges that rise, counts that are counts, and nothing that no float holds when it is added up."""
    rises = all(low <= high for low, high in zip(found.edges, found.edges[1:], strict=False))
    counts = all(math.isfinite(each) and each >= 0 for each in found.counts)
    within = all(abs(edge) <= _FARTHEST_EDGE for edge in found.edges)
    return rises and counts and within and _adds_up(found)


def _adds_up(found: Histogram) -> bool:
    try:
        return math.isfinite(float(found.total)) and all(map(math.isfinite, found.densities()))
    except OverflowError:
        return False


def drawn_range(histograms: Sequence[Histogram]) -> tuple[float, float, bool]:
    """The part of the axis to draw, and whether thin far ends were left out: one stray value must not flatten all."""
    low = min(each.edges[0] for each in histograms)
    high = max(each.edges[-1] for each in histograms)
    inner = [edge for each in histograms for edge in _bulk(each)]
    if inner and high - low > 4 * (max(inner) - min(inner)) > 0:
        pad = (max(inner) - min(inner)) * 0.1
        return max(low, min(inner) - pad), min(high, max(inner) + pad), True
    if low == high:
        room = abs(low) * 0.5 or 0.5
        return low - room, high + room, False
    return low, high, False


def _bulk(found: Histogram) -> tuple[float, float] | tuple[()]:
    """Between which edges all but the outermost few of a thousand values lie."""
    total = float(found.total)
    if not total:
        return ()
    first = _edge_at(found.counts, total * _FAR)
    last = len(found.counts) - _edge_at(found.counts[::-1], total * _FAR)
    return found.edges[first], found.edges[last]


def _edge_at(counts: Sequence[int | float], beyond: float) -> int:
    passed = 0.0
    for place, count in enumerate(counts):
        passed += float(count)
        if passed > beyond:
            return place
    return 0
