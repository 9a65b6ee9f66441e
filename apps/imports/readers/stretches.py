"""Lines in stretches: as many as are held, and stored, at one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from apps.imports.errors import Broken

_LETTERS = 1024 * 1024
_LINES = 20_000
_LONGEST_LINE = 10 * 1024 * 1024  # as a run takes them (runs.history.lines)


def stretches(lines: Iterable[str]) -> Iterator[list[str]]:
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > _LETTERS or len(held) == _LINES:
            yield held
            held, size = [], 0
    if held:
        yield held


def lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """The lines of a text that comes in pieces. Only a line feed ends one."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise Broken(_("A line is longer than 10 MiB."))
        yield from map(_text, whole)
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise Broken(_("A text that was to be imported is not UTF-8.")) from None
