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
    """The lines of a text that comes in pieces, one after another. Only a line feed ends one."""
    begun: list[bytes] = []
    size = 0
    for piece in pieces:
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            yield _text(b"".join([*begun, piece[start:end]]))
            begun, size, start = [], 0, end + 1
        begun.append(piece[start:])
        size += len(piece) - start
        if size > _LONGEST_LINE:
            raise Broken(_("A line is longer than 10 MiB."))
    if size:
        yield _text(b"".join(begun))


def _text(line: bytes) -> str:
    try:
        return line.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise Broken(_("A text that was to be imported is not UTF-8.")) from None
