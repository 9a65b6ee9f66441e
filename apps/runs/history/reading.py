"""Reading a stream: whole, in part, sampled, or what is new. The same for hot and compacted lines."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.core.errors import TooMuch
from apps.runs.history import sampling
from apps.runs.history.appending import read_keys
from apps.runs.history.columnar import Columnar, columnar
from apps.runs.history.keys import KeyList, history_keys
from apps.runs.history.paths import MISSING, Row, pick, weight
from apps.runs.history.pieces import Piece, pieces_of, pieces_of_runs
from apps.runs.models import Run
from apps.runs.queries import run_key
from apps.runs.types import Series, Stream
from apps.vault.tree import keys_in_use

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Indexes = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]

STEP, TIME = "_step", "_timestamp"
MOST_HELD = 128 * 1024 * 1024  # letters of sampled rows: a row may have ten millions of them
Bound = int | float | None
Names = Sequence[str] | None


def scan(
    run: Run, stream: Stream, *, keys: Names = None, first_step: Bound = None, last_step: Bound = None
) -> Iterator[Row]:
    """Every row with first_step <= step <= last_step, in order; with `keys` only what these dotted names mean, by name."""
    rows = rows_of(pieces_of(run, stream), _with_order(keys), first_step=first_step, last_step=last_step)
    return rows if keys is None else (_picked(row, keys) for row in rows)


@dataclass(frozen=True, slots=True)
class Rereadable:
    """The same rows at each call, whatever comes in meanwhile."""

    pieces: Sequence[Piece]
    keys: Names
    first_step: Bound
    last_step: Bound

    def __call__(self) -> Iterator[Row]:
        rows = rows_of(
            self.pieces, _with_order(self.keys), first_step=self.first_step, last_step=self.last_step
        )
        return rows if self.keys is None else (_picked(row, self.keys) for row in rows)

    def columnar(self) -> Columnar | None:
        """The same by columns as they lie, without rows that have none of the keys; None where that would tell less."""
        if self.first_step is not None or self.last_step is not None:
            return None
        return columnar(self.pieces, self.keys)


def rereadable(
    run: Run, stream: Stream, *, keys: Names = None, first_step: Bound = None, last_step: Bound = None
) -> Rereadable:
    """What `scan` gives, for readers that pass over it twice."""
    return Rereadable(pieces_of(run, stream), keys, first_step, last_step)


def rows_of(
    pieces: Iterable[Piece],
    names: frozenset[str] | None = None,
    *,
    first_step: Bound = None,
    last_step: Bound = None,
) -> Iterator[Row]:
    """The rows of these pieces in a range of steps, in order: at least what the dotted names need of them."""
    within = [piece for piece in pieces if piece.may_hold(first_step, last_step)]
    chosen: list[Chosen] = [(piece, None) for piece in within]
    if within and not (first_step is None and last_step is None):
        chosen = _places_within(within, first_step, last_step)
    return _in_order(chosen, names)


def sample_rows(run: Run, stream: Stream, samples: int) -> list[Row]:
    """min(samples, rows) whole rows, evenly spread, with the last."""
    return _sample(pieces_of(run, stream), samples, None, None, None)


def sample_keys(
    run: Run, keys: Sequence[str], samples: int, *, first_step: Bound = None, last_step: Bound = None
) -> list[Row]:
    """Of the history rows that have all these keys in a range of steps, an even sample with the last; by dotted name."""
    pieces = [piece for piece in pieces_of(run, Stream.HISTORY) if piece.may_hold(first_step, last_step)]
    return [_picked(row, keys) for row in _sample(pieces, samples, keys, first_step, last_step)]


def sample_metrics(
    run: Run,
    names: Sequence[str],
    points: int,
    *,
    stream: Stream = Stream.HISTORY,
    x: str = STEP,
    first: Bound = None,
    last: Bound = None,
) -> dict[str, Series]:
    """For each metric the points that a chart of `points` pixel columns needs (see sampling.m4), over `x`.

    With `first` and `last` that part of the x axis; all its points when they are no more than the columns.
    """
    import numpy as np

    found = {}
    pieces = pieces_of(run, stream)
    for name in names:
        along, values = points_of(pieces, name, x=x, first=first, last=last)
        kept = sampling.m4(along, values, max(1, points))
        found[name] = Series(np.take(along, kept).tolist(), np.take(values, kept).tolist())
    return found


def points_of(
    pieces: Sequence[Piece], name: str, *, x: str = STEP, first: Bound = None, last: Bound = None
) -> tuple[Floats, Floats]:
    """Every point of a metric over `x` with first <= x <= last, in the order of x."""
    import numpy as np

    pieces = [piece for piece in pieces if x != STEP or piece.may_hold(first, last)]
    if not pieces:
        return np.empty(0), np.empty(0)
    (there, along), (has, values) = _numbers(pieces, x, name)
    for bound, inside in ((first, np.greater_equal), (last, np.less_equal)):
        if bound is not None:
            there &= inside(along, bound)
    there &= np.isfinite(along) & has
    along, values = along[there], values[there]
    order = sampling.ascending(along)
    return (along, values) if order is None else (along[order], values[order])


def sample_metric(run: Run, name: str, points: int, *, first: Bound = None, last: Bound = None) -> Series:
    """One metric over its steps, as `sample_metrics` has it."""
    return sample_metrics(run, [name], points, first=first, last=last)[name]


def last_row(run: Run, stream: Stream) -> Row | None:
    """The row with which a resuming client goes on."""
    found = _sample(pieces_of(run, stream), 1, None, None, None)
    return found[0] if found else None


def keys_of(run: Run) -> KeyList:
    """What the run logs: every key with its types, count, last value and step."""
    return read_keys(run, run_key(run))


def key_list(run: Run) -> dict[str, Any]:
    """The same as the wandb client asks for it: {"keys": …, "lastStep": n}."""
    return history_keys(keys_of(run))


def _with_order(keys: Names) -> frozenset[str] | None:
    return None if keys is None else frozenset({*keys, STEP, TIME})


def _picked(row: Row, names: Iterable[str]) -> Row:
    return {name: value for name in names if (value := pick(row, name)) is not MISSING}


def _numbers(pieces: Sequence[Piece], *names: str) -> list[tuple[Mask, Floats]]:
    import numpy as np

    by_name = zip(*(piece.numbers(*names) for piece in pieces), strict=True)
    return [
        (np.concatenate([there for there, _ in parts]), np.concatenate([values for _, values in parts]))
        for parts in by_name
    ]


# ── Values at some of the steps ──


@dataclass(frozen=True, slots=True)
class Placed:
    """At which steps a key has something, and what it has at one of them."""

    steps: tuple[float, ...] = ()
    step: Bound = None
    value: Any = MISSING


def placed_values(run: Run, names: Sequence[str], step: Bound = None) -> dict[str, Placed]:
    """Of each key the steps at which it has anything, and its value at the nearest to `step` (without one: at the last).

    Where the key stands and the steps are read as columns; of rows only those that hold a chosen value.
    """
    return _placed_in(pieces_of(run, Stream.HISTORY), names, step)


def placed_in_runs(runs: Sequence[Run], name: str, step: Bound = None) -> dict[int, Placed]:
    """The same of one key in many runs, by the run's key, by as many queries as for one."""
    with keys_in_use():
        pieces = pieces_of_runs(runs, Stream.HISTORY)
        return {pk: _placed_in(of_run, [name], step)[name] for pk, of_run in pieces.items()}


def _placed_in(pieces: Sequence[Piece], names: Sequence[str], step: Bound) -> dict[str, Placed]:
    import numpy as np

    if not pieces:
        return {name: Placed() for name in names}
    steps = _steps(pieces, STEP)
    starts = np.cumsum([0, *(piece.line_count for piece in pieces)])
    found = {}
    for name in names:
        places = np.flatnonzero(np.concatenate([piece.has(name) for piece in pieces]) & np.isfinite(steps))
        if not len(places):
            found[name] = Placed()
            continue
        known = np.unique(steps[places])
        nearest = known[-1] if step is None else known[np.argmin(np.abs(known - step))]
        place = int(places[steps[places] == nearest][-1])
        owner = int(np.searchsorted(starts, place, side="right")) - 1
        (row,) = pieces[owner].rows(frozenset({name}), [place - int(starts[owner])])
        found[name] = Placed(tuple(known.tolist()), float(nearest), pick(row, name))
    return found


# ── Order ──
# Lines of one writer are in order as they are. Several writers are merged by step, then time.

Chosen = tuple[Piece, list[int] | None]  # a piece and the places wanted of it; None: all


def _in_order(chosen: Sequence[Chosen], names: frozenset[str] | None) -> Iterator[Row]:
    writers = [list(of) for _, of in groupby(chosen, key=lambda one: one[0].writer)]
    if len(writers) == 1:
        return (row for piece, places in writers[0] for row in piece.rows(names, places))
    merged = heapq.merge(*(_placed(of, names) for of in writers), key=lambda placed: placed[:2])
    return (row for _, _, row in merged)


def _placed(chosen: Iterable[Chosen], names: frozenset[str] | None) -> Iterator[tuple[float, float, Row]]:
    """A writer's rows with step and time; a row without them stands where the row before it stood."""
    step = time = -math.inf
    for piece, places in chosen:
        for row in piece.rows(names, places):
            step, time = _number_or(row.get(STEP), step), _number_or(row.get(TIME), time)
            yield step, time, row


def _places_within(pieces: Sequence[Piece], first_step: Bound, last_step: Bound) -> list[Chosen]:
    import numpy as np

    parts = np.split(
        _is_within(pieces, first_step, last_step), np.cumsum([p.line_count for p in pieces])[:-1]
    )
    return [
        (piece, None if inside.all() else np.flatnonzero(inside).tolist())
        for piece, inside in zip(pieces, parts, strict=True)
        if inside.any()
    ]


def _is_within(pieces: Sequence[Piece], first_step: Bound, last_step: Bound) -> Mask:
    steps = _steps(pieces, STEP)
    low, high = -math.inf if first_step is None else first_step, math.inf if last_step is None else last_step
    return (steps >= low) & (steps <= high)


def _number_or(value: Any, otherwise: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return value if is_number else otherwise


# ── Samples of whole rows ──


def _sample(
    pieces: Sequence[Piece], samples: int, keys: Names, first_step: Bound, last_step: Bound
) -> list[Row]:
    """Rows chosen by where they stand, so that only the chosen are read."""
    import numpy as np

    if not pieces or samples <= 0:
        return []
    owner = np.repeat(np.arange(len(pieces)), [piece.line_count for piece in pieces])
    place = np.concatenate([np.arange(piece.line_count) for piece in pieces])
    eligible = _eligible(pieces, keys, first_step, last_step)
    if eligible is not None:
        owner, place = owner[eligible], place[eligible]
    if len({piece.writer for piece in pieces}) > 1:
        order = _merged_order(pieces)
        if eligible is not None:
            rank = np.empty(len(order), np.int64)
            rank[order] = np.arange(len(order))
            order = np.argsort(rank[eligible])
        owner, place = owner[order], place[order]
    chosen = sampling.evenly_spread(len(owner), samples)
    return _rows_at(pieces, owner[chosen].tolist(), place[chosen].tolist(), keys)


def _eligible(pieces: Sequence[Piece], keys: Names, first_step: Bound, last_step: Bound) -> Mask | None:
    import numpy as np

    masks: list[Mask] = [np.concatenate([piece.has(key) for piece in pieces]) for key in keys or ()]
    if first_step is not None or last_step is not None:
        masks.append(_is_within(pieces, first_step, last_step))
    return np.logical_and.reduce(masks) if masks else None


def _merged_order(pieces: Sequence[Piece]) -> Indexes:
    import numpy as np

    return np.lexsort((_steps(pieces, TIME), _steps(pieces, STEP)))


def _steps(pieces: Sequence[Piece], name: str) -> Floats:
    """The step (or time) of each row; where it has none, that of the row before it."""
    import numpy as np

    parts = []
    carried = -math.inf
    for number, piece in enumerate(pieces):
        if number and pieces[number - 1].writer != piece.writer:
            carried = -math.inf
        ((there, values),) = piece.numbers(name)
        there = there & ~np.isnan(values)
        known = np.maximum.accumulate(np.where(there, np.arange(len(values)), -1))
        filled = np.where(known >= 0, values[np.maximum(known, 0)], carried)
        carried = float(filled[-1]) if len(filled) else carried
        parts.append(filled)
    return np.concatenate(parts)


def _rows_at(pieces: Sequence[Piece], owners: list[int], places: list[int], keys: Names) -> list[Row]:
    """The chosen rows, each piece asked once, given back in the order of the choice."""
    wanted: dict[int, list[tuple[int, int]]] = {}
    for position, (owner, place) in enumerate(zip(owners, places, strict=True)):
        wanted.setdefault(owner, []).append((place, position))
    rows: list[Row] = [{} for _ in owners]
    held = 0
    for owner, chosen in wanted.items():
        chosen.sort()
        found = pieces[owner].rows(_with_order(keys), [place for place, _ in chosen])
        for (_place, position), row in zip(chosen, found, strict=True):
            rows[position] = row
            held += weight(row)
        if held > MOST_HELD:
            raise TooMuch(_("These rows hold too much for one answer. Ask for fewer samples."))
    return rows
