"""Where the runs of Neptune's exporter lie: `data/PROJECT/RUN_part_N.parquet`, with their files below `files/PROJECT`."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import TooMuch
from apps.imports.errors import Broken
from apps.imports.readers.neptune import apart
from apps.imports.readers.ownlog.tables import Opener
from apps.imports.readers.trees import Tree, whole

_PART = re.compile(r"((?:[^/]+/)*)([^/]+)/([^/]+)_part_([0-9]{1,6})\.parquet", re.ASCII)
_MOST_PART = 256 * 2**20  # the exporter begins another at some 50 MB
_MOST_POINTS = 500_000  # that are put in order at one go
_MOST_PASSES = 200  # over the parts of one run
_MOST_NAME = 1024  # Neptune itself takes no longer one
_KINDS: Mapping[str, type | tuple[type, ...]] = {  # those of files are objects
    **dict.fromkeys(("int", "datetime"), int),
    **dict.fromkeys(("float", "float_series"), (int, float)),
    **dict.fromkeys(("string", "string_series"), str),
    "bool": bool,
    "string_set": list,
}
_MOST_VALUES = 4_000_000  # of one point: each takes tens of bytes once it is read


class Point(NamedTuple):
    """What one series says at one step."""

    name: str
    kind: str
    step: int  # in millionths
    at: int  # milliseconds
    value: Any
    weight: int = 1  # as many usual ones take about as much memory


@dataclass(frozen=True, slots=True)
class Found:
    """A run as it lies there."""

    top: str  # the folder of all projects
    project: str  # its folder
    name: str  # how its parts begin
    parts: Sequence[str]


def found_in(tree: Tree) -> tuple[dict[str, list[Found]], int]:
    """The runs by the folders of their projects, and how many others there are: models, and runs whose export broke off."""
    parts: dict[tuple[str, str, str], dict[int, str]] = defaultdict(dict)
    for path in tree.paths:
        if found := _PART.fullmatch(path):
            parts[found[1], found[2], found[3]][int(found[4])] = path
    depth = min((top.count("/") for top, _project, _name in parts), default=0)
    runs: dict[str, list[Found]] = defaultdict(list)
    others = 0
    for (top, project, name), numbered in sorted(parts.items()):
        if top.count("/") != depth or sorted(numbered) != list(range(len(numbered))):
            others += 1
        else:
            runs[top + project].append(Found(top, project, name, [numbered[n] for n in sorted(numbered)]))
    return runs, others


class Parts:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._opener = Opener(tree.packed_size, tree.beat, apart.__name__)

    def close(self) -> None:
        self._opener.close()

    def head(self, run: Found) -> tuple[str, str]:
        """The project and the run, as Neptune calls them."""
        said = [each for row, _weight in self._rows(run.parts[0], "") for each in row]
        if len(said) != 2 or not all(isinstance(each, str) and each for each in said):
            raise _unusable(run.parts[0])
        return said[0], said[1]

    def points(self, run: Found, *kinds: str) -> Iterator[Point]:
        for path in run.parts:
            rows = self._rows(path, ",".join(kinds))
            next(rows, None)
            for said, weight in rows:
                name, kind, step, at, value = said
                if not isinstance(name, str) or not 0 < len(name) <= _MOST_NAME:
                    raise _unusable(path)
                if not _is_number(step, 2**62) or not _is_number(at, 2**43) or not _is_of(kind, value):
                    raise _unusable(path)
                if value is not None:
                    yield Point(name, kind, step or 0, at or 0, value, weight)

    def _rows(self, path: str, mark: str) -> Iterator[tuple[list[Any], int]]:
        """Each with its weight."""
        held = whole(self._tree, path, most=_MOST_PART)
        for lines in self._opener.lines(io.BytesIO(held), len(held), path, mark.encode()):
            yield from map(_row, lines)


def in_order(read: Callable[[], Iterator[Point]], by: str, of: str = "") -> Iterator[Point]:
    """Points by their `step` or `at`. They lie series by series: where all of them are too many to be held, they are read more than
    once, each time for those that come next."""
    key: Callable[[Point], int] = attrgetter(by)
    above: int | None = None
    for _pass in range(_MOST_PASSES):
        held, below = _next(read(), key, above)
        yield from held
        if below is None:
            return
        above = below
    raise TooMuch(_("More is said of a run than can be kept: %(path)s.") % {"path": of})


def _next(
    points: Iterator[Point], key: Callable[[Point], int], above: int | None
) -> tuple[list[Point], int | None]:
    held: list[Point] = []
    weight, below = 0, None
    for point in points:
        place = key(point)
        if (above is not None and place <= above) or (below is not None and place > below):
            continue
        held.append(point)
        weight += point.weight
        if weight > _MOST_POINTS:
            held.sort(key=key)
            below = _middle(held, key)
            held = [each for each in held if key(each) <= below]
            weight = sum(each.weight for each in held)
    held.sort(key=key)
    return held, below


def _middle(held: Sequence[Point], key: Callable[[Point], int]) -> int:
    """A place with about as many before as behind it, and some behind it."""
    last = key(held[-1])
    middle = key(held[len(held) // 2])
    if middle < last:
        return middle
    before = [key(each) for each in held if key(each) < last]
    if not before:
        raise TooMuch(_("More was logged at one step than can be held."))
    return before[-1]


def _row(text: str) -> tuple[list[Any], int]:
    line = text.encode("utf-8", "surrogatepass")
    values = jsontext.values_in(line)
    if values > _MOST_VALUES:
        raise TooMuch(_("A file of the archive is larger than anything of its kind may be."))
    row = jsontext.loads(line)
    is_text = isinstance(row[-1], str)  # commas in it are no values
    return row, 1 + len(line) // 100 + (0 if is_text else values // 8)


def _is_number(said: object, most: int) -> bool:
    return said is None or (isinstance(said, int) and abs(said) < most)


def _is_of(kind: str, value: object) -> bool:
    """Columns are of the kinds that whoever wrote the table gave them."""
    if kind == "histogram_series" and isinstance(value, dict):
        return all(isinstance(value.get(name), list) for name in ("edges", "values"))
    return value is None or isinstance(value, _KINDS.get(kind, dict))


def _unusable(path: str) -> Broken:
    return Broken(_("A table of this archive cannot be read: %(path)s.") % {"path": path})
