"""Console output: lines by number, where the last word on a line counts."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from itertools import islice

from apps.blobs.services import open_blob
from apps.runs.history.codec import SegmentReader
from apps.runs.history.lines import unpack_text
from apps.runs.history.pieces import open_chunk
from apps.runs.models import Chunk, Run, Segment
from apps.runs.queries import run_key
from apps.runs.types import Stream
from apps.vault.types import NodeId

NUMBER, TEXT = "n", "line"
_TIME = re.compile(
    r'(?:ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)|\{.{0,40}?"ts":"([^"]{1,40})"', re.ASCII
)


def console(run: Run, first: int, count: int) -> list[str]:
    """`count` lines from line `first` on. A line that has not come yet, between others, is empty."""
    if count <= 0:
        return []
    writers = _writers(run)
    if len(writers) > 1:
        return list(islice(_merged(run, writers), first, first + count))
    lines = lines_of(run, writers[0], first=first, last=first + count - 1) if writers else {}
    return [lines.get(number, "") for number in range(first, max(lines, default=-1) + 1)]


def lines_of(run: Run, writer: bytes, *, first: int = 0, last: int | None = None) -> dict[int, str]:
    """One writer's lines by number."""
    key, owner = run_key(run), NodeId(run.vault_node)
    found: dict[int, str] = {}
    pieces = {"run": run, "stream": Stream.OUTPUT.value, "writer": writer}
    if last is not None:
        pieces["first_line__lte"] = last
    # Chunks are fetched first: what is compacted between the two questions shows up twice, never not at all.
    chunks = list(Chunk.objects.filter(**pieces).order_by("pk"))
    for segment in Segment.objects.filter(**pieces).select_related("blob").order_by("pk"):
        if segment.first_line + segment.line_count > first:
            reader = SegmentReader(open_blob(segment.blob, owner))
            found.update((row[NUMBER], row[TEXT]) for row in reader.rows())
    for chunk in chunks:
        if chunk.first_line + chunk.line_count > first:
            found.update(enumerate(unpack_text(open_chunk(chunk, key)), chunk.first_line))
    return {n: found[n] for n in sorted(found) if n >= first and (last is None or n <= last)}


def _writers(run: Run) -> list[bytes]:
    held = {
        bytes(writer)
        for model in (Chunk, Segment)
        for writer in model._default_manager.filter(run=run, stream=Stream.OUTPUT.value)
        .order_by()
        .values_list("writer", flat=True)
        .distinct()
    }
    return sorted(held)


def _merged(run: Run, writers: list[bytes]) -> Iterator[str]:
    """Lines of several writers by the time that the client put before each; a line without one follows the line above."""
    timed = [_timed(lines_of(run, writer)) for writer in writers]
    return (text for _, text in heapq.merge(*timed, key=lambda line: line[0]))


def _timed(lines: dict[int, str]) -> Iterator[tuple[str, str]]:
    time = ""
    for text in lines.values():
        found = _TIME.match(text)
        time = max(time, (found[1] or found[2]) if found else "")
        yield time, text
