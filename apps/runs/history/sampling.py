"""Fewer points without lying: pure functions over arrays and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Indexes = npt.NDArray[np.int64]


def evenly_spread(count: int, samples: int) -> list[int]:
    """min(samples, count) places out of `count`, ascending, evenly spread, with the last (and the first from two on)."""
    if samples <= 0 or count <= 0:
        return []
    if samples >= count:
        return list(range(count))
    if samples == 1:
        return [count - 1]
    return [place * (count - 1) // (samples - 1) for place in range(samples)]


def m4(x: Floats, y: Floats, buckets: int) -> Indexes:
    """The places of the points that a chart of `buckets` pixel columns needs; `x` must ascend.

    Of each column of equal width these are the first, the last, the lowest and the highest point
    (Jugel et al., VLDB 2014), so that no spike is lost, and the first NaN and infinity of each sign,
    because a line breaks there. With no more points than buckets: all of them.
    """
    import numpy as np

    if buckets < 1:
        raise ValueError("a chart has at least one bucket")
    if len(x) <= buckets:
        return np.arange(len(x))
    column = _columns(x, buckets)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], len(x)) - 1
    finite = np.isfinite(y)
    odd: list[Indexes] = []
    low, high = y, -y
    if not finite.all():
        low, high = np.where(finite, low, np.inf), np.where(finite, high, np.inf)
        odd = [_first_in_column(those, column) for those in (np.isnan(y), y == np.inf, y == -np.inf)]
    lowest, highest = (_first_of_lowest(values, column, starts) for values in (low, high))
    chosen = np.zeros(len(x), np.bool_)
    for places in (starts, ends, lowest, highest, *odd):
        chosen[places] = True
    return np.flatnonzero(chosen)


def means(x: Floats, y: Floats, edges: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Of each stretch between two edges that holds a finite value: its middle, and mean, lowest and highest value.

    The edges are the same for whatever is to be compared; a point on the last edge belongs to the last stretch.
    """
    import numpy as np

    known = np.isfinite(y) & (x >= edges[0]) & (x <= edges[-1])
    x, y = x[known], y[known]
    if not len(x):
        return (np.empty(0),) * 4
    stretch = np.minimum(np.searchsorted(edges, x, side="right") - 1, len(edges) - 2)
    starts = np.flatnonzero(np.diff(stretch, prepend=-1))
    middle = (edges[stretch[starts]] + edges[stretch[starts] + 1]) / 2
    counts = np.diff(np.append(starts, len(y)))
    return (
        middle,
        np.add.reduceat(y, starts) / counts,
        np.minimum.reduceat(y, starts),
        np.maximum.reduceat(y, starts),
    )


def _columns(x: Floats, buckets: int) -> Indexes:
    import numpy as np

    width = x[-1] - x[0]
    if not width > 0:
        return np.zeros(len(x), np.int64)
    columns: Indexes = np.minimum(((x - x[0]) * (buckets / width)).astype(np.int64), buckets - 1)
    return columns


def _first_of_lowest(y: Floats, column: Indexes, starts: Indexes) -> Indexes:
    """Of each column the first place of its lowest value."""
    import numpy as np

    lowest = np.minimum.reduceat(y, starts)
    lengths = np.diff(np.append(starts, len(y)))
    return _first_in_column(y == np.repeat(lowest, lengths), column)


def _first_in_column(chosen: npt.NDArray[np.bool_], column: Indexes) -> Indexes:
    import numpy as np

    places = np.flatnonzero(chosen)
    return places[np.diff(column[places], prepend=-1) > 0]


def ascending(x: Floats) -> Indexes | None:
    """The order that makes `x` ascend, points of one x as they are; None when it does already."""
    import numpy as np

    return None if bool(np.all(x[1:] >= x[:-1])) else np.argsort(x, kind="stable")
