"""The colour of a run: by its number in its project, so that it stays the same whatever is filtered or sorted."""

from __future__ import annotations

RUN_COLOURS = 12
# After twelve the colours come again with dashes, then with dots.
_PATTERNS = ("", " dashed", " dotted")


def run_colour(number: int) -> int:
    """From 1 to 36; runs made one after the other always differ."""
    return (number - 1) % (RUN_COLOURS * len(_PATTERNS)) + 1


def swatch_class(colour: int) -> str:
    """The classes of a swatch in this colour."""
    return f"run-{(colour - 1) % RUN_COLOURS + 1}{_PATTERNS[(colour - 1) // RUN_COLOURS % len(_PATTERNS)]}"
