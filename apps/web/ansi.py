"""What a terminal would show of one line: pieces of text with how each looks.

Colours are those of the theme: the sixteen of a terminal as classes, all others as the nearest of them. Whatever else a
program may tell a terminal (titles, bells, links, moves to other lines) is swallowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby

# Of a line with control characters so much is read: each letter is placed by itself. Of one without, all.
MOST_READ = 64 * 1024
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_TOKEN = re.compile(
    r"(?:\x1b\[|\x9b)(?P<marks>[0-?]*)[ -/]*(?P<act>[@-~])"  # CSI: colours, moves, erasing
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links and other strings
    r"|\x1b[ -/]*[0-~]?"  # two letters
    r"|(?P<control>[\x00-\x08\x0a-\x1f\x7f-\x9f])"
    r"|(?P<text>[^\x00-\x08\x0a-\x1f\x7f-\x9f]+)"
)
# A line without these is the text that is left when the marks are taken away.
_MOVES = re.compile(r"[\r\b]|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-ln-~]")
# How far to the right a program may write: beyond this a move could make a line of any length.
_WIDEST = 8192
# So many places are written in one line: a few letters of moves can ask for thousands, again and again.
_MOST_WRITTEN = 4 * MOST_READ


@dataclass(frozen=True, slots=True)
class Look:
    """How text looks. A colour is a number from 0 to 15, or None for that of the page."""

    ink: int | None = None
    ground: int | None = None
    is_bold: bool = False
    is_dim: bool = False
    is_slanted: bool = False
    is_underlined: bool = False
    is_struck: bool = False
    is_inverse: bool = False

    @property
    def classes(self) -> str:
        """Its classes. Text on a ground has the page's own ground for its colour, so that it can be read on each."""
        ink, ground = (self.ground, self.ink) if self.is_inverse else (self.ink, self.ground)
        marks = [
            (self.is_inverse and ground is None, "g-ink"),
            (ground is not None, f"g{ground}"),
            (ink is not None and ground is None and not self.is_inverse, f"f{ink}"),
            (self.is_bold, "bold"),
            (self.is_dim and ink is None and ground is None and not self.is_inverse, "dim"),
            (self.is_slanted, "slant"),
            (self.is_underlined, "under"),
            (self.is_struck, "struck"),
        ]
        return " ".join(name for holds, name in marks if holds)


PLAIN = Look()


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    classes: str = ""


def has_controls(text: str) -> bool:
    return _CONTROL.search(text) is not None


def spans_of(text: str) -> list[Span]:
    """The pieces of one line."""
    if not has_controls(text):
        return [Span(text)] if text else []
    return _Line().written(text[:MOST_READ])


def plain(text: str) -> str:
    """The letters of one line alone."""
    if not has_controls(text):
        return text
    text = text[:MOST_READ]
    if _MOVES.search(text):
        return "".join(span.text for span in _Line().written(text))
    return _TOKEN.sub(lambda token: token["text"] or "", text)


class _Line:
    """One line of a terminal: a letter and its look at each place, and where the next one goes."""

    def __init__(self) -> None:
        self._letters: list[str] = []
        self._looks: list[Look] = []
        self._place = 0
        self._look = PLAIN
        self._count = 0

    def written(self, text: str) -> list[Span]:
        for token in _TOKEN.finditer(text):
            if self._count > _MOST_WRITTEN:
                break
            if letters := token["text"]:
                self._write(letters)
            elif token["control"]:
                self._obey(token["control"])
            elif token["act"]:
                self._carry_out(token["act"], token["marks"])
        return list(self._spans())

    def _write(self, letters: str) -> None:
        if self._place > len(self._letters):
            self._fill(self._place)
        end = self._place + len(letters)
        self._letters[self._place : end] = letters
        self._looks[self._place : end] = [self._look] * len(letters)
        self._place = end
        self._count += len(letters)

    def _fill(self, end: int) -> None:
        missing = end - len(self._letters)
        self._letters += " " * missing
        self._looks += [PLAIN] * missing
        self._count += missing

    def _obey(self, control: str) -> None:
        if control == "\r":
            self._place = 0
        elif control == "\b":
            self._place = max(0, self._place - 1)

    def _carry_out(self, act: str, marks: str) -> None:
        if act == "m":
            self._look = _looked(self._look, marks)
        elif act == "K":
            self._erase(marks)
        elif act in "CDG`":
            count = _number(marks)
            place = {"C": self._place + count, "D": self._place - count}.get(act, count - 1)
            self._place = min(max(0, place), max(_WIDEST, len(self._letters)))

    def _erase(self, marks: str) -> None:
        """To the end of the line, from its beginning, or all of it."""
        if marks in ("", "0"):
            del self._letters[self._place :], self._looks[self._place :]
        elif marks == "1":
            end = min(self._place + 1, len(self._letters))
            self._letters[:end], self._looks[:end] = " " * end, [PLAIN] * end
            self._count += end
        elif marks == "2":
            self._letters.clear()
            self._looks.clear()

    def _spans(self) -> Iterator[Span]:
        start = 0
        for look, places in groupby(self._looks):
            end = start + len(list(places))
            yield Span("".join(self._letters[start:end]), look.classes)
            start = end


def _number(marks: str) -> int:
    return min(int(marks), _WIDEST) if marks.isascii() and marks.isdigit() and len(marks) < 6 else 1


# ── Colours and weights ──

_ON: dict[int, dict[str, bool]] = {
    1: {"is_bold": True},
    2: {"is_dim": True},
    3: {"is_slanted": True},
    4: {"is_underlined": True},
    7: {"is_inverse": True},
    9: {"is_struck": True},
    21: {"is_underlined": True},
    22: {"is_bold": False, "is_dim": False},
    23: {"is_slanted": False},
    24: {"is_underlined": False},
    27: {"is_inverse": False},
    29: {"is_struck": False},
}


@lru_cache(maxsize=4096)
def _looked(look: Look, marks: str) -> Look:
    """The look after one SGR sequence."""
    codes = [
        int(code) if code.isdigit() and len(code) < 5 else 0
        for code in re.split("[;:]", marks.replace("::", ":"))
    ]
    while codes:
        code = codes.pop(0)
        if code == 0:
            look = PLAIN
        elif code in _ON:
            look = replace(look, **_ON[code])
        elif code in (38, 48):
            colour, codes = _extended(codes)
            look = replace(look, ink=colour) if code == 38 else replace(look, ground=colour)
        else:
            look = _coloured(look, code)
    return look


def _coloured(look: Look, code: int) -> Look:
    for first, base in ((30, 0), (90, 8)):
        if first <= code < first + 8:
            return replace(look, ink=base + code - first)
        if first + 10 <= code < first + 18:
            return replace(look, ground=base + code - first - 10)
    if code == 39:
        return replace(look, ink=None)
    return replace(look, ground=None) if code == 49 else look


def _extended(codes: Sequence[int]) -> tuple[int | None, list[int]]:
    """The colour after 38 or 48, and the codes after it."""
    if codes[:1] == [5] and len(codes) > 1:
        return _of_256(codes[1]), list(codes[2:])
    if codes[:1] == [2] and len(codes) > 3:
        return nearest(codes[1], codes[2], codes[3]), list(codes[4:])
    return None, []


_LEVELS = (0, 95, 135, 175, 215, 255)
# The sixteen as most terminals have them: what a colour is measured against, not what is shown.
_SIXTEEN = (
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
)


def _of_256(code: int) -> int | None:
    if code < 16:
        return code
    if code < 232:
        cube = code - 16
        return nearest(_LEVELS[cube // 36], _LEVELS[cube // 6 % 6], _LEVELS[cube % 6])
    if code < 256:
        grey = 8 + 10 * (code - 232)
        return nearest(grey, grey, grey)
    return None


@lru_cache(maxsize=4096)
def nearest(red: int, green: int, blue: int) -> int:
    """Which of the sixteen is nearest, with the eye's weights for red, green and blue."""

    def distance(place: int) -> float:
        other = _SIXTEEN[place]
        middle = (red + other[0]) / 2
        dr, dg, db = red - other[0], green - other[1], blue - other[2]
        return (2 + middle / 256) * dr * dr + 4 * dg * dg + (2 + (255 - middle) / 256) * db * db

    return min(range(16), key=distance)
