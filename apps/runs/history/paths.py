"""Where a value sits in a logged object.

A path is the tuple of keys that lead to the value, so that `{"a.b": 1}` and `{"a": {"b": 1}}`
stay two things. People and the wandb client name both of them `a.b`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Path = tuple[str, ...]
Row = dict[str, Any]

# Objects below this depth are kept whole: columns for every leaf of a deep tree help nobody.
DEEPEST_PATH = 8
# wandb marks what is one thing to its reader (an image, a histogram) with this key.
TYPE_KEY = "_type"
MISSING: Any = object()


def dotted(path: Path) -> str:
    return ".".join(path)


def is_branch(value: Any, depth: int) -> bool:
    """Whether an object is a plain grouping of values rather than a value itself."""
    return isinstance(value, dict) and bool(value) and TYPE_KEY not in value and depth < DEEPEST_PATH


def leaves(row: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value of a row with its path, in the order of the row."""
    for key, value in row.items():
        path = (*above, key)
        if is_branch(value, len(path)):
            yield from leaves(value, path)
        else:
            yield path, value


def put(row: Row, path: Path, value: Any) -> None:
    """Set a leaf; the inverse of `leaves`."""
    for key in path[:-1]:
        row = row.setdefault(key, {})
    row[path[-1]] = value


def pick(row: Mapping[str, Any], name: str) -> Any:
    """The value that a dotted name means in this row, or MISSING. A key that has the dots itself goes first."""
    if name in row:
        return row[name]
    position = name.find(".")
    while position != -1:
        below = row.get(name[:position])
        if isinstance(below, dict):
            found = pick(below, name[position + 1 :])
            if found is not MISSING:
                return found
        position = name.find(".", position + 1)
    return MISSING


def weight(value: Any) -> int:
    """About how many letters the value takes."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + weight(item) for key, item in value.items())
    return sum(map(weight, value)) if isinstance(value, list) else 8


def serving(paths: Sequence[Path], names: frozenset[str]) -> list[int]:
    """Which of these leaves are needed to answer for the dotted names, by place."""
    # An object asked for by its own name is made of the leaves below it, and a name may reach
    # into a value that is kept whole.
    inside = {start for name in names for start in _starts(name)}
    return [
        place
        for place, path in enumerate(paths)
        if (whole := dotted(path)) in names
        or whole in inside
        or ("." in whole and not names.isdisjoint(_starts(whole)))
    ]


def _starts(name: str) -> Iterator[str]:
    """What stands before each of its dots."""
    position = name.find(".")
    while position != -1:
        yield name[:position]
        position = name.find(".", position + 1)
