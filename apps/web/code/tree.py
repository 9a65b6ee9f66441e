"""The names of a run's code as a tree, every folder open: it reads and works without a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_LEAVES = 500
_DEEPEST = 6  # beyond this the tree indents no further


@dataclass(frozen=True, slots=True)
class Leaf:
    """A folder or a file in it."""

    label: str
    path: str
    depth: int
    size: int = 0
    is_folder: bool = False
    is_here: bool = False


def tree_of(files: Sequence[tuple[str, int]], *, here: str = "") -> tuple[list[Leaf], int]:
    """Folders and files in the order of their paths, as many as a page holds, and how many files are left out.

    The file that is shown is always among them.
    """
    ordered = sorted(files, key=lambda file: _place(file[0]))
    shown = ordered[:MOST_LEAVES]
    if here and here not in {name for name, _ in shown}:
        shown += [file for file in ordered[MOST_LEAVES:] if file[0] == here]
    return list(_leaves(shown, here)), len(ordered) - len(shown)


def _leaves(files: Sequence[tuple[str, int]], here: str) -> Iterator[Leaf]:
    above: list[str] = []
    for name, size in files:
        *folders, label = name.split("/")
        alike = 0
        while alike < min(len(above), len(folders)) and above[alike] == folders[alike]:
            alike += 1
        for depth in range(alike, len(folders)):
            path = "/".join(folders[: depth + 1])
            yield Leaf(folders[depth], path, min(depth, _DEEPEST), is_folder=True)
        above = folders
        yield Leaf(label, name, min(len(folders), _DEEPEST), size, is_here=name == here)


def _place(name: str) -> list[tuple[bool, str]]:
    """Folders before files, at each depth."""
    *folders, label = name.split("/")
    return [(False, folder) for folder in folders] + [(True, label)]
