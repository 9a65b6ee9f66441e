"""Console lines for the page: the client's prefix read, the rest as a terminal would show it, what was searched for marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from apps.runs.patterns import compile_pattern, escaped, to_bytes
from apps.web.ansi import Span, plain, spans_of

# "ERROR 2026-11-23T06:52:37.817435 text": the mark and the time that the client puts before a line.
_PREFIX = re.compile(r"(?P<error>ERROR )?\d{4}-\d\d-\d\dT(?P<time>\d\d:\d\d:\d\d)(?:\.\d+)?Z? ?", re.ASCII)
LONGEST_LINE = 4000
# So much of a line is read and searched: a few letters for each that is shown, for what colours and moves take.
LONGEST_READ = 64 * 1024
# So many letters of a page's lines are read with all their colours: each change of colour costs some microseconds.
MOST_READ_OF_PAGE = 512 * 1024
_MOST_MARKS = 200
# Of a letter in UTF-8 all bytes but the first.
_INNER_BYTES = bytes(range(0x80, 0xC0))


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """`is_cut` when the page does not show all its letters."""

    number: int
    time: str
    spans: list[Span]
    is_error: bool
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person looks for in a log: letters or a pattern, and perhaps only in what went to standard error."""

    text: str = ""
    is_pattern: bool = False
    only_errors: bool = False
    regex: Any = None

    @property
    def is_everything(self) -> bool:
        return self.regex is None and not self.only_errors

    def takes(self, line: str) -> bool:
        found = _PREFIX.match(line)
        if self.only_errors and not (found and found["error"]):
            return False
        if self.regex is None:
            return True
        text = plain(line[found.end() :] if found else line)
        return self.regex.search(to_bytes(text)) is not None


EVERYTHING = Wanted()


def wanted(text: str, *, is_pattern: bool = False, only_errors: bool = False) -> Wanted:
    """What to look for; letters in either case, a pattern to the letter. Invalid when it is no pattern."""
    regex = None
    if text:
        regex = compile_pattern(text) if is_pattern else compile_pattern(escaped(text), "i")
    return Wanted(text, is_pattern, only_errors, regex)


def console_lines(
    lines: Iterable[str] | Mapping[int, str], *, first: int = 0, looked_for: Wanted = EVERYTHING
) -> list[ConsoleLine]:
    """The lines from number `first` on, or those of a mapping; people count from one."""
    numbered = lines.items() if isinstance(lines, Mapping) else enumerate(lines, first)
    shown, room = [], MOST_READ_OF_PAGE
    for number, line in numbered:
        # Where a page's room is used up, a line is read as far as it would be shown if it had neither colours nor moves.
        read = line[: max(room, LONGEST_LINE)]
        room -= len(read)
        one = _line(number + 1, read, looked_for.regex)
        shown.append(one if len(read) == len(line) else replace(one, is_cut=True))
    return shown


def plain_line(line: str) -> str:
    """A line with its mark and time, its letters alone."""
    found = _PREFIX.match(line)
    end = found.end() if found else 0
    return line[:end] + plain(line[end:])


def _line(number: int, line: str, regex: Any) -> ConsoleLine:
    found = _PREFIX.match(line)
    text = (line[found.end() :] if found else line).rstrip("\r\n")
    spans, is_cut = _cut(spans_of(text))
    if regex is not None:
        spans = list(_marked(spans, regex))
    return ConsoleLine(number, found["time"] if found else "", spans, bool(found and found["error"]), is_cut)


def _cut(spans: list[Span]) -> tuple[list[Span], bool]:
    """So many spans as one line may show, and whether there are more."""
    shown: list[Span] = []
    room = LONGEST_LINE
    for span in spans:
        if len(span.text) > room:
            return [*shown, Span(span.text[:room], span.classes)], True
        shown.append(span)
        room -= len(span.text)
    return shown, False


def _marked(spans: list[Span], regex: Any) -> Iterator[Span]:
    """The spans, cut where a match begins and ends; a match has the class `hit`."""
    edges = [edge for match in _matches("".join(span.text for span in spans), regex) for edge in match]
    start, passed = 0, 0  # matches begin and end in turns: after an odd number of edges one goes on
    for span in spans:
        text = span.text
        while passed < len(edges) and edges[passed] < start + len(text):
            piece, text = text[: edges[passed] - start], text[edges[passed] - start :]
            if piece:
                yield _piece(piece, span, is_hit=passed % 2 == 1)
            start, passed = edges[passed], passed + 1
        yield _piece(text, span, is_hit=passed % 2 == 1)
        start += len(text)


def _piece(text: str, span: Span, *, is_hit: bool) -> Span:
    return Span(text, f"{span.classes} hit".strip() if is_hit else span.classes)


def _matches(text: str, regex: Any) -> list[tuple[int, int]]:
    """Where the matches begin and end, in letters; none overlaps the one before."""
    data = to_bytes(text)
    found: list[tuple[int, int]] = []
    place = letters = 0
    for match in regex.finditer(data):
        if match.start() < match.end():
            first = letters + _letters(data[place : match.start()])
            letters = first + _letters(data[match.start() : match.end()])
            place = match.end()
            found.append((first, letters))
        if len(found) == _MOST_MARKS:
            break
    return found


def _letters(data: bytes) -> int:
    return len(data.translate(None, _INNER_BYTES))
