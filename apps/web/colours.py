"""The colour of a run: by its number in its project, so that it stays the same whatever is filtered or sorted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

RUN_COLOURS = 12
# Of those drawn together that have the same colour the second has dashes, the third dots.
_PATTERNS = ("", " dashed", " dotted")


def run_colour(number: int) -> int:
    """From 1 to 12; runs made one after the other always differ."""
    return (number - 1) % RUN_COLOURS + 1


def told_apart(colours: Iterable[int]) -> list[int]:
    """The same colours, with 12 added to one that comes for the second time, and 24 for the third."""
    seen: Counter[int] = Counter()
    found = []
    for colour in colours:
        found.append(colour + RUN_COLOURS * (seen[colour] % len(_PATTERNS)))
        seen[colour] += 1
    return found


def swatch_class(colour: int) -> str:
    """The classes of a swatch in this colour."""
    return f"run-{(colour - 1) % RUN_COLOURS + 1}{_PATTERNS[(colour - 1) // RUN_COLOURS % len(_PATTERNS)]}"
