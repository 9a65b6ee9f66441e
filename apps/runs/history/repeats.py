"""Rows that come again under new numbers: the client syncs an offline run once more, after all lines there are."""

from __future__ import annotations

import json
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
    """The places of those rows that the run does not have from the writer without a name, to the last value.

    A client's steps only grow: a batch that begins after `last_step`, the last one stored, is new without a look.
    """
    everything = range(len(rows))
    first = as_number(rows[0], STEP) if rows else None
    if first is None or last_step is None or first > last_step:
        return everything
    marks = {place: mark for place in everything if None not in (mark := _mark(rows[place]))}
    stored = _stored_like(run, set(marks.values()))
    return [place for place in everything if place not in marks or _as_text(rows[place]) not in stored]


def _mark(row: Row) -> _Mark:
    return as_number(row, STEP), as_number(row, TIME)


def _as_text(row: Row) -> str:
    return json.dumps(row, sort_keys=True)


def _stored_like(run: Run, marks: set[_Mark]) -> set[str]:
    """The stored rows with one of these steps and times; of the others no more than the two columns is read."""
    found: set[str] = set()
    if not marks:
        return found
    steps = [step for step, _ in marks if step is not None]
    low, high = min(steps), max(steps)
    for piece in pieces_of(run, Stream.HISTORY):
        if piece.writer or not piece.may_hold(low, high):
            continue
        (has_step, at), (has_time, when) = piece.numbers(STEP, TIME)
        both = (has_step & has_time).tolist()
        stored = zip(at.tolist(), when.tolist(), strict=True)
        places = [place for place, mark in enumerate(stored) if both[place] and mark in marks]
        if places:
            found.update(_as_text(row) for row in piece.rows(None, places))
    return found
