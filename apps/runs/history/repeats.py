"""Rows that come again under new numbers: the client syncs an offline run once more, after all lines there are."""

from __future__ import annotations

from collections.abc import Sequence

from apps.runs.history.codec import as_number
from apps.runs.history.keys import STEP
from apps.runs.history.paths import Row
from apps.runs.history.pieces import pieces_of
from apps.runs.models import Run
from apps.runs.types import Stream

TIME = "_timestamp"
_Mark = tuple[float | None, float | None]


def new_places(run: Run, rows: Sequence[Row], last_step: int | float | None) -> Sequence[int]:
    """The places of those rows of which the run has none with the same step and time, from the writer without a name.

    A client's steps only grow: a batch that begins after `last_step`, the last one stored, is new without a look.
    """
    everything = range(len(rows))
    first = as_number(rows[0], STEP) if rows else None
    if first is None or last_step is None or first > last_step:
        return everything
    marks = [_mark(row) for row in rows]
    stored = _stored_marks(run, [step for step, time in marks if step is not None and time is not None])
    return [place for place in everything if marks[place] not in stored]


def _mark(row: Row) -> _Mark:
    return as_number(row, STEP), as_number(row, TIME)


def _stored_marks(run: Run, steps: Sequence[float]) -> set[_Mark]:
    """Step and time of the stored rows in the range of these steps; no more than the two columns is read."""
    found: set[_Mark] = set()
    if not steps:
        return found
    low, high = min(steps), max(steps)
    for piece in pieces_of(run, Stream.HISTORY):
        if piece.writer or not piece.may_hold(low, high):
            continue
        (has_step, at), (has_time, when) = piece.numbers(STEP), piece.numbers(TIME)
        within = has_step & has_time & (at >= low) & (at <= high)
        found.update(zip(at[within].tolist(), when[within].tolist(), strict=True))
    return found
