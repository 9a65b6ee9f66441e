"""One metric of many runs at once, for a chart: what one run costs in queries, all of them cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.runs.history import sampling
from apps.runs.history.appending import read_keys
from apps.runs.history.live import MOST_NEW_LINES, cursor_text, ends_of, new_lines, seen_by
from apps.runs.history.pieces import Piece, pieces_of_runs
from apps.runs.history.reading import STEP, Bound, points_of
from apps.runs.models import Run
from apps.runs.types import Stream
from apps.vault.tree import keys_in_use, open_keys
from apps.vault.types import NodeId

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A metric of one run: its points, or of stretches of the axis the middle, the mean, the lowest and the highest."""

    run: Run
    columns: tuple[Floats, ...]
    cursor: str
    is_reset: bool = False


def sampled_lines(
    runs: Sequence[Run],
    name: str,
    points: int,
    *,
    stream: Stream = Stream.HISTORY,
    x: str = STEP,
    first: Bound = None,
    last: Bound = None,
) -> list[Line]:
    """Of each run the points that a chart of `points` pixel columns needs (see sampling.m4), with its peaks."""
    lines = []
    for run, along, values, cursor in _points(runs, name, stream=stream, x=x, first=first, last=last):
        kept = sampling.m4(along, values, max(1, points))
        lines.append(Line(run, (along[kept], values[kept]), cursor))
    return lines


def mean_lines(
    runs: Sequence[Run],
    name: str,
    stretches: int,
    *,
    stream: Stream = Stream.HISTORY,
    x: str = STEP,
    first: Bound = None,
    last: Bound = None,
) -> list[Line]:
    """Of each run the mean, the lowest and the highest value in stretches of the axis, the same stretches for all runs."""
    import numpy as np

    found = list(_points(runs, name, stream=stream, x=x, first=first, last=last))
    ends = [(along[0], along[-1]) for _, along, _, _ in found if len(along)]
    if not ends:
        return [Line(run, (np.empty(0),) * 4, cursor) for run, _, _, cursor in found]
    low = min(start for start, _ in ends) if first is None else first
    high = max(end for _, end in ends) if last is None else last
    edges = np.linspace(low, high if high > low else low + 1, max(1, stretches) + 1)
    return [Line(run, sampling.means(along, values, edges), cursor) for run, along, values, cursor in found]


def fresh_lines(
    cursors: Mapping[Run, str], name: str, *, stream: Stream = Stream.HISTORY, x: str = STEP
) -> list[Line]:
    """The points of each run that came after its cursor."""
    import numpy as np

    none = np.empty(0)
    with keys_in_use():
        rewinds = _rewinds(list(cursors))
        seen = {run.pk: seen_by(cursor) for run, cursor in cursors.items()}
        after = {pk: positions for pk, (known, positions) in seen.items() if known == rewinds.get(pk)}
        lines = [Line(run, (none, none), "", is_reset=True) for run in cursors if run.pk not in after]
        here = [run for run in cursors if run.pk in after]
        pieces = pieces_of_runs(here, stream, after=after) if here else {}
        for run in here:
            of, positions = pieces.get(run.pk, []), after[run.pk]
            if sum(new_lines(piece, positions) for piece in of) > MOST_NEW_LINES:
                lines.append(Line(run, (none, none), "", is_reset=True))
                continue
            parts = [_part(piece, name, x, new_lines(piece, positions)) for piece in of]
            columns = tuple(np.concatenate([none, *column]) for column in zip(*parts, strict=True))
            cursor = cursor_text(rewinds[run.pk], positions | ends_of(of))
            lines.append(Line(run, columns or (none, none), cursor))
    return lines


def _points(
    runs: Sequence[Run], name: str, *, stream: Stream, x: str, first: Bound, last: Bound
) -> Iterator[tuple[Run, Floats, Floats, str]]:
    """Every point, with the cursor for what comes after the very rows that were read."""
    with keys_in_use():
        rewinds = _rewinds(runs)
        pieces = pieces_of_runs(runs, stream)
        for run in runs:
            # One run after the other, and its files forgotten before the next: memory for one is enough for all.
            if (of := pieces.pop(run.pk, None)) is None:
                continue
            along, values = points_of(of, name, x=x, first=first, last=last)
            yield run, along, values, cursor_text(rewinds[run.pk], ends_of(of))


def _rewinds(runs: Sequence[Run]) -> dict[int, int]:
    """Asked before the rows are read: whoever is rewound in between is asked for again at the next look."""
    keys = open_keys(NodeId(run.vault_node) for run in runs)
    return {
        run.pk: read_keys(run, keys[NodeId(run.vault_node)]).rewinds
        for run in runs
        if NodeId(run.vault_node) in keys
    }


def _part(piece: Piece, name: str, x: str, count: int) -> tuple[Floats, Floats]:
    """What is new of a piece: its last `count` lines, those of them that are points."""
    import numpy as np

    (there, along), (has, values) = piece.numbers(x, name)
    chosen = there & has & np.isfinite(along)
    chosen[: piece.line_count - count] = False
    return along[chosen], values[chosen]
