"""Lines that come from elsewhere: one writer's, one behind the other, each exactly once, whatever they say twice."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from apps.core.errors import Conflict
from apps.core.rows import find_row, insert_row, update_row
from apps.runs.history.appending import LINES_FIELD, MOST_LINES, new_chunk, read_keys, seal_keys
from apps.runs.history.lines import check_line, parse_lines
from apps.runs.history.paths import Row
from apps.runs.models import Run
from apps.runs.queries import gone_or_back_soon, run_key
from apps.runs.types import Stream


def put_behind(run: Run, stream: Stream, lines: Sequence[str], *, first: int) -> int:
    """Store these lines, of which those that are there already are left out; the number after the last. Conflict where lines
    before them are missing. Unlike `append` it looks for no repeats: what was exported had none, or meant them."""
    rows = _checked(stream, lines)
    with transaction.atomic():
        locked = find_row(
            Run, lock=True, without=("sealed_config", "sealed_head", "sealed_summary"), pk=run.pk
        )
        if locked is None or locked.erased_at is not None:
            raise gone_or_back_soon(run.pk)
        there = int(getattr(locked, LINES_FIELD[stream]))
        if first > there or first + len(lines) > MOST_LINES:
            raise Conflict("Lines before these are missing.")
        new = lines[there - first :]
        if new:
            _store(locked, stream, new, rows[there - first :], first=there)
    return max(there, first + len(lines))


def _checked(stream: Stream, lines: Sequence[str]) -> list[Row]:
    if stream is not Stream.OUTPUT:
        return parse_lines(lines)
    for line in lines:
        check_line(line)
    return []


def _store(run: Run, stream: Stream, lines: Sequence[str], rows: list[Row], *, first: int) -> None:
    key, changed = run_key(run), {LINES_FIELD[stream], "version"}
    if stream is Stream.HISTORY:
        keys = read_keys(run, key)
        keys.add(rows)
        seal_keys(run, key, keys)
        changed.add("sealed_keys")
    setattr(run, LINES_FIELD[stream], first + len(lines))
    run.version += 1
    insert_row(new_chunk(run, key, stream, b"", first, lines))
    update_row(run, changed)
