"""Console output: lines by number, where the last word on a line counts. Only what is asked for is opened."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from django.db.models import Max

from apps.runs.history.appending import MOST_LINES
from apps.runs.history.codec import SegmentReader
from apps.runs.history.lines import unpack_text
from apps.runs.history.pieces import AFTER_LAST_LINE, open_chunk, open_segment
from apps.runs.models import Chunk, Run, Segment
from apps.runs.queries import run_key
from apps.runs.types import ConsoleChanges, Stream

if TYPE_CHECKING:
    from django.db.models import QuerySet

NUMBER, TEXT = "n", "line"
_Piece = TypeVar("_Piece", Chunk, Segment)
# A page looks at a few hundred lines anywhere: so many are unpacked for it, of a segment of any size.
LINES_IN_GROUP = 1024
# Lines read at once when all are read: a few row groups of a segment.
STRETCH = 2048
_TIME = re.compile(
    r'(?:ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)|\{.{0,40}?"ts":"([^"]{1,40})"', re.ASCII
)
_CURSOR = re.compile(r"(?P<chunk>[0-9a-f]{32}|-)\.(?P<total>\d{1,15})", re.ASCII)


def console(run: Run, first: int, count: int, *, longest: int | None = None) -> list[str]:
    """`count` lines from line `first` on, of each at most `longest` letters. A line that has not come yet is empty."""
    if count <= 0:
        return []
    writers = _writers(run)
    if len(writers) > 1:
        return list(islice(_merged(run, writers, longest), first, first + count))
    lines = next((_lines_of(run, writer, range(first, first + count), longest) for writer in writers), {})
    return [lines.get(number, "") for number in range(first, max(lines, default=-1) + 1)]


def console_at(run: Run, numbers: Sequence[int], *, longest: int | None = None) -> dict[int, str]:
    """The lines with these numbers, which ascend, of each at most `longest` letters."""
    if not numbers:
        return {}
    writers = _writers(run)
    if len(writers) > 1:
        wanted = set(numbers)
        lines = enumerate(islice(_merged(run, writers, longest), numbers[-1] + 1))
        return {number: text for number, text in lines if number in wanted}
    return next((_lines_of(run, writer, numbers, longest) for writer in writers), {})


def console_stretches(
    run: Run, first: int = 0, *, longest: int | None = None
) -> Iterator[tuple[int, list[str]]]:
    """All lines from `first` on in stretches, each with the number of its first line; one stretch is held at a time."""
    writers = _writers(run)
    if len(writers) > 1:
        merged = islice(_merged(run, writers, longest), first, None)
        while stretch := list(islice(merged, STRETCH)):
            yield first, stretch
            first += len(stretch)
        return
    for writer, end in writers.items():
        for numbers, found in _stretches_of(run, writer, range(first, end), longest):
            yield numbers[0], [found.get(number, "") for number in numbers]


def console_changes(run: Run, cursor: str = "") -> ConsoleChanges:
    """Which lines came or were written anew since `cursor`, and the cursor for the next time.

    Everything, when that cannot be told: after a compaction, or when several writers share the run.
    """
    seen = _CURSOR.fullmatch(cursor)
    chunks = list(
        Chunk.objects.filter(run=run, stream=Stream.OUTPUT.value)
        .order_by("pk")
        .values_list("uuid", "writer", "first_line", "line_count")
    )
    total = run.output_lines
    last = chunks[-1][0].hex if chunks else "-"
    now = f"{last}.{total}"
    if cursor == now:
        return ConsoleChanges(cursor=now, total=total, stretches=[])
    places = {uuid.hex: place for place, (uuid, *_) in enumerate(chunks)}
    place = places.get(seen["chunk"]) if seen is not None else None
    if place is None or len(_writers(run)) > 1:
        return ConsoleChanges(cursor=now, total=total, stretches=[(0, total)])
    stretches = [(first, count) for _, _, first, count in chunks[place + 1 :]]
    return ConsoleChanges(cursor=now, total=total, stretches=stretches)


def _lines_of(run: Run, writer: bytes, wanted: Sequence[int], longest: int | None) -> dict[int, str]:
    """Those of one writer's lines whose numbers, which ascend, are wanted."""
    found: dict[int, str] = {}
    # Chunks are fetched first: what is compacted between the two questions shows up twice, never not at all.
    chunks = list(_around(Chunk.objects.filter(run=run, writer=writer), wanted))
    for segment in _around(Segment.objects.filter(run=run, writer=writer).select_related("blob"), wanted):
        inside = _within(wanted, segment)
        if inside:
            reader = open_segment(segment, run)
            rows = reader.rows(places=_places(reader, segment, inside))
            found.update((row[NUMBER], row[TEXT][:longest]) for row in rows)
    key = run_key(run) if chunks else None
    for chunk in chunks:
        inside = _within(wanted, chunk)
        if inside and key is not None:
            lines = unpack_text(open_chunk(chunk, key))
            found.update((number, lines[number - chunk.first_line][:longest]) for number in inside)
    return dict(sorted(found.items()))


def _around(stored: QuerySet[_Piece], wanted: Sequence[int]) -> QuerySet[_Piece]:
    """The pieces that may hold something of it, the later word last. Others are not even fetched."""
    return (
        stored.filter(stream=Stream.OUTPUT.value, first_line__lte=wanted[-1])
        .annotate(end=AFTER_LAST_LINE)
        .filter(end__gt=wanted[0])
        .order_by("pk")
    )


def _within(wanted: Sequence[int], piece: Chunk | Segment) -> Sequence[int]:
    end = piece.first_line + piece.line_count
    return wanted[bisect_left(wanted, piece.first_line) : bisect_left(wanted, end)]


def _places(reader: SegmentReader, segment: Segment, numbers: Sequence[int]) -> Sequence[int]:
    """Where in the file the lines with these numbers stand, of those that it has."""
    if reader.row_count == segment.line_count:  # no line between the first and the last is missing
        return [number - segment.first_line for number in numbers]
    ((_, held),) = reader.numbers(NUMBER)
    wanted = set(numbers)
    return [place for place, number in enumerate(held.tolist()) if int(number) in wanted]


def _writers(run: Run) -> dict[bytes, int]:
    """The number after the last line of each writer."""
    ends: dict[bytes, int] = {}
    for model in (Chunk, Segment):
        stored = model._default_manager.filter(run=run, stream=Stream.OUTPUT.value).order_by()
        for writer, end in stored.values_list("writer").annotate(end=Max(AFTER_LAST_LINE)):
            ends[bytes(writer)] = max(end, ends.get(bytes(writer), 0))
    return dict(sorted(ends.items()))


def _merged(run: Run, writers: dict[bytes, int], longest: int | None) -> Iterator[str]:
    """Lines of several writers by the time that the client put before each; a line without one follows the line above."""
    timed = [_timed(_all_of(run, writer, end, longest)) for writer, end in writers.items()]
    return (text for _, text in heapq.merge(*timed, key=lambda line: line[0]))


def _all_of(run: Run, writer: bytes, end: int, longest: int | None) -> Iterator[str]:
    """One writer's lines that are there, a stretch in memory at a time."""
    for _, found in _stretches_of(run, writer, range(end), longest):
        yield from found.values()


def _stretches_of(
    run: Run, writer: bytes, numbers: range, longest: int | None
) -> Iterator[tuple[range, dict[int, str]]]:
    """One writer's lines in stretches. Where lines never came there is none: a client may name a line at any distance."""
    first: int | None = numbers.start
    while first is not None and first < numbers.stop:
        stretch = range(first, min(first + STRETCH, numbers.stop))
        found = _lines_of(run, writer, stretch, longest)
        if found:
            yield stretch, found
            first = stretch.stop
        else:
            first = _next_line(run, writer, stretch.stop)


def _next_line(run: Run, writer: bytes, first: int) -> int | None:
    """The first line that there is from `first` on."""
    beyond = range(first, MOST_LINES)
    starts = [
        max(first, start)
        for start in _around(Chunk.objects.filter(run=run, writer=writer), beyond).values_list(
            "first_line", flat=True
        )
    ]
    for segment in _around(Segment.objects.filter(run=run, writer=writer).select_related("blob"), beyond):
        if segment.first_line >= first:
            starts.append(segment.first_line)
        else:
            reader = open_segment(segment, run)
            ((_, held),) = reader.numbers(NUMBER)
            starts += [int(number) for number in held[held >= first][:1]]
    return min(starts, default=None)


def _timed(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    time = ""
    for text in lines:
        found = _TIME.match(text)
        time = max(time, (found[1] or found[2]) if found else "")
        yield time, text
