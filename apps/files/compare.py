"""Code of runs against each other: which files differ, and two texts line by line, in bounded time and memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

# Between what two texts begin and end with alike, so many lines are lined up at most: it takes time by their product.
MOST_ALIGNED = 4000
CONTEXT = 3  # lines that are the same around each change


class Mark(StrEnum):
    """A file of one run against that of the first."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"  # the first run has it, this one has not
    SAME = "same"
    NEITHER = "neither"  # only a third run has it


@dataclass(frozen=True, slots=True)
class TreeRow:
    """A file with its mark in each run but the first."""

    name: str
    marks: tuple[Mark, ...]

    @property
    def differs(self) -> bool:
        return any(mark not in {Mark.SAME, Mark.NEITHER} for mark in self.marks)


@dataclass(frozen=True, slots=True)
class DiffRow:
    """Lines by their places in both texts; `kind`: same, changed, added, removed or gap, which stands for `count` lines."""

    kind: str
    left: int | None = None
    right: int | None = None
    count: int = 0


def compare_trees(trees: Sequence[Mapping[str, str]]) -> list[TreeRow]:
    """Every file that any of the runs has, by digest against the first; what differs comes first, then by name."""
    first, others = trees[0], trees[1:]
    names = sorted({name for tree in trees for name in tree})
    rows = [TreeRow(name, tuple(_mark(first.get(name), tree.get(name)) for tree in others)) for name in names]
    return sorted(rows, key=lambda row: not row.differs)


def _mark(before: str | None, after: str | None) -> Mark:
    if before is None:
        return Mark.NEITHER if after is None else Mark.ADDED
    if after is None:
        return Mark.REMOVED
    return Mark.SAME if before == after else Mark.CHANGED


def diff_lines(before: Sequence[str], after: Sequence[str]) -> tuple[list[DiffRow], bool]:
    """The rows of two texts beside each other, and whether they could be lined up: else all of one goes and the other comes."""
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    left, right = before[head : len(before) - tail], after[head : len(after) - tail]
    is_aligned = max(len(left), len(right)) <= MOST_ALIGNED
    if is_aligned:
        codes = SequenceMatcher(None, left, right).get_opcodes()
    else:
        codes = [("replace", 0, len(left), 0, len(right))]
    rows = [DiffRow("same", place, place) for place in range(head)]
    for tag, left_from, left_to, right_from, right_to in codes:
        rows += _rows(tag, range(head + left_from, head + left_to), range(head + right_from, head + right_to))
    start = len(before) - tail
    rows += [DiffRow("same", start + n, len(after) - tail + n) for n in range(tail)]
    return rows, is_aligned


def _alike(before: Sequence[str], after: Sequence[str]) -> int:
    """How many lines both begin with alike."""
    most = min(len(before), len(after))
    return next((place for place in range(most) if before[place] != after[place]), most)


def _rows(tag: str, left: range, right: range) -> Iterator[DiffRow]:
    if tag == "equal":
        yield from (DiffRow("same", a, b) for a, b in zip(left, right, strict=True))
        return
    both = min(len(left), len(right))
    yield from (DiffRow("changed", left[n], right[n]) for n in range(both))
    yield from (DiffRow("removed", left=place) for place in left[both:])
    yield from (DiffRow("added", right=place) for place in right[both:])


def folded(rows: Sequence[DiffRow]) -> list[DiffRow]:
    """The rows with only some lines that are the same around each change; the others as gaps."""
    found: list[DiffRow] = []
    place = 0
    while place < len(rows):
        end = place
        while end < len(rows) and rows[end].kind == "same":
            end += 1
        before, after = (CONTEXT if place else 0), (CONTEXT if end < len(rows) else 0)
        if end - place > before + after + 1:
            found += rows[place : place + before]
            found.append(DiffRow("gap", count=end - place - before - after))
            found += rows[end - after : end]
        else:
            found += rows[place:end]
        found += rows[end : end + 1]
        place = end + 1
    return found
