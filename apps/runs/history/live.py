"""What came since a page last asked. Nothing is sent twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from django.db.models import Max

from apps.core.errors import Invalid
from apps.runs.history.appending import MOST_WRITERS
from apps.runs.history.paths import MISSING, Row, pick
from apps.runs.history.pieces import AFTER_LAST_LINE, Piece, pieces_of
from apps.runs.history.reading import STEP, TIME, Names, keys_of
from apps.runs.models import Chunk, Run, Segment
from apps.runs.types import Fresh, Stream

_CURSOR = re.compile(r"(?P<rewinds>\d{1,18})(?P<writers>(?:~[0-9a-f]*\.\d{1,18})*)", re.ASCII)
_LONGEST_CURSOR = 20_000
# Beyond these a page is better off with a sample: it is told to forget what it has and to ask anew.
MOST_NEW_LINES = 20_000


def rows_since(run: Run, stream: Stream, cursor: str = "", *, keys: Names = None) -> Fresh:
    """The rows that came after `cursor` (empty: all), with the cursor for the next time."""
    rewinds = keys_of(run).rewinds
    seen = seen_by(cursor) if cursor else (rewinds, {})
    is_reset = seen[0] != rewinds
    positions = {} if is_reset else seen[1]
    rows: list[Row] = []
    names = None if keys is None else frozenset({*keys, STEP, TIME})
    pieces = pieces_of(run, stream, after=positions)
    if cursor and sum(new_lines(piece, positions) for piece in pieces) > MOST_NEW_LINES:
        return Fresh(rows=[], cursor=present_cursor(run, stream), is_reset=True)
    for piece in pieces:
        skip = piece.line_count - new_lines(piece, positions)
        rows += piece.rows(names, None if not skip else range(skip, piece.line_count))
        positions[piece.writer] = piece.first_line + piece.line_count
    if keys is not None:
        rows = [{name: value for name in keys if (value := pick(row, name)) is not MISSING} for row in rows]
    return Fresh(rows=rows, cursor=cursor_text(rewinds, positions), is_reset=is_reset)


def new_lines(piece: Piece, positions: Mapping[bytes, int]) -> int:
    """How many lines of the piece a reader who has these positions has not seen."""
    seen = positions.get(piece.writer, 0) - piece.first_line
    return piece.line_count - min(max(0, seen), piece.line_count)


def present_cursor(run: Run, stream: Stream) -> str:
    """The cursor for what comes after all that there is now."""
    ends: dict[bytes, int] = {}
    for model in (Chunk, Segment):
        stored = model._default_manager.filter(run=run, stream=stream.value).order_by().values_list("writer")
        for writer, end in stored.annotate(end=Max(AFTER_LAST_LINE)):
            ends[bytes(writer)] = max(end, ends.get(bytes(writer), 0))
    return cursor_text(keys_of(run).rewinds, ends)


def ends_of(pieces: Iterable[Piece]) -> dict[bytes, int]:
    """Up to which line of each writer whoever has these pieces has seen."""
    ends: dict[bytes, int] = {}
    for piece in pieces:
        ends[piece.writer] = max(ends.get(piece.writer, 0), piece.first_line + piece.line_count)
    return ends


def cursor_text(rewinds: int, positions: Mapping[bytes, int]) -> str:
    """A cursor in letters, as pages keep it."""
    return str(rewinds) + "".join(f"~{writer.hex()}.{line}" for writer, line in sorted(positions.items()))


def seen_by(cursor: str) -> tuple[int, dict[bytes, int]]:
    """What the holder of a cursor has: how many rewinds, and up to which line of each writer."""
    found = _CURSOR.fullmatch(cursor) if len(cursor) <= _LONGEST_CURSOR else None
    if found is None:
        raise Invalid("This cursor is not one that was handed out here.")
    parts = [part.split(".") for part in found["writers"].split("~")[1:]]
    if len(parts) > MOST_WRITERS + 3:  # and those that are no client's
        raise Invalid("This cursor is not one that was handed out here.")
    try:
        return int(found["rewinds"]), {bytes.fromhex(writer): int(line) for writer, line in parts}
    except ValueError:
        raise Invalid("This cursor is not one that was handed out here.") from None
