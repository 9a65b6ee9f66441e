"""A page of a source file, coloured; of a long one only that page is held in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from apps.web.highlight import highlighted, language_of
from apps.web.previews import CodeLine, code_line, terminal_line

PAGE_LINES = 1000
MOST_READ = 64 * 1024 * 1024  # of a larger file the rest is for the download
_MOST_PAGE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """Lines of one page. `is_cut`: the page holds less of its lines than the file has."""

    language: str = ""
    lines: list[CodeLine] = field(default_factory=list)
    has_more: bool = False
    is_cut: bool = False


def page_of(name: str, pieces: Iterable[bytes], page: int) -> Source:
    """The lines of this page (the first is 0) of a file that comes in pieces."""
    first = page * PAGE_LINES
    held = _part(pieces, first, PAGE_LINES + 1)
    is_cut = len(held) > _MOST_PAGE
    text = bytes(held[:_MOST_PAGE]).decode("utf-8-sig" if not page else "utf-8", "replace")
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n") if text else []
    has_more = len(lines) > PAGE_LINES
    lines = lines[:PAGE_LINES]
    return Source(language_of(name), coloured(name, lines, first=first + 1), has_more, is_cut)


def coloured(name: str, lines: list[str], *, first: int = 1) -> list[CodeLine]:
    """Lines of a file of this name, numbered and coloured."""
    text = "\n".join(lines)
    language = "" if "\x1b" in text else language_of(name)
    spans = highlighted(text, language) if language else [terminal_line(line) for line in lines]
    return [code_line(number, line) for number, line in enumerate(spans[: len(lines)], first)]


def _part(pieces: Iterable[bytes], first: int, count: int) -> bytearray:
    """The bytes of `count` lines from line `first` on, and perhaps some more."""
    held = bytearray()
    skipped = 0
    for each in pieces:
        skipped, piece = _after(each, skipped, first)
        held += piece
        if skipped == first and (held.count(b"\n") >= count or len(held) > _MOST_PAGE):
            break
    return held


def _after(piece: bytes, skipped: int, first: int) -> tuple[int, bytes]:
    """How many lines are skipped once this piece is read, and what of it comes after them."""
    here = piece.count(b"\n") if skipped < first else 0
    if skipped + here < first:
        return skipped + here, b""
    place = 0
    for _ in range(first - skipped):
        place = piece.index(b"\n", place) + 1
    return first, piece[place:]
