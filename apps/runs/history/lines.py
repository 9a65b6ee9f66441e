"""From the lines a client sent to rows, exactly; and rows of one shape, to handle many at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.runs.history.paths import Path, Row, leaves

LONGEST_LINE = 10 * 1024 * 1024
DEEPEST_VALUE = 64
_PLAIN = frozenset({int, float, str, bool, type(None)})
# orjson reads integers that need more than 64 bits as doubles at least this large.
_MAYBE_ROUNDED = float(2**63)


def parse_line(line: str | bytes) -> Row:
    """One JSON object, with every number as it was written. Raises Invalid for anything else."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _parse_carefully(line)
    if type(row) is not dict:
        raise Invalid(_("A line of a run's stream must be one JSON object."))
    for value in row.values():
        if type(value) is float:
            if value >= _MAYBE_ROUNDED or value <= -_MAYBE_ROUNDED:
                return _parse_carefully(line)
        elif type(value) not in _PLAIN:
            return _parse_carefully(line)
    return row


def _parse_exact(line: str | bytes) -> Row:
    """`parse_line` for a line without integers that could be rounded: of plain values none needs a look."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _parse_carefully(line)
    if type(row) is not dict:
        raise Invalid(_("A line of a run's stream must be one JSON object."))
    if not _PLAIN.issuperset(map(type, row.values())):
        _refuse_deep(row)
    return row


def parse_json(text: str | bytes) -> Any:
    """A stored JSON value, exactly."""
    return jsontext.loads(text)


def _parse_carefully(line: str | bytes) -> Row:
    row = jsontext.loads(line)
    if not isinstance(row, dict):
        raise Invalid(_("A line of a run's stream must be one JSON object."))
    _refuse_deep(row)
    return row


def _refuse_deep(row: Row) -> None:
    if _is_deeper(row, DEEPEST_VALUE):
        raise Invalid(f"A line of a run's stream is nested deeper than {DEEPEST_VALUE} levels.")


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    while level and depth > 0:
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        depth -= 1
    return bool(level)


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def parse_lines(lines: Sequence[str]) -> list[Row]:
    """The rows of a request. Raises Invalid when one line is not what the stream holds."""
    if not lines:
        return []
    together = ",\n".join(lines)
    if len(together) > LONGEST_LINE or "\n" in "".join(lines):
        for line in lines:
            check_line(line)
    whole = b"[%b]" % together.encode("utf-8", "surrogatepass")
    if jsontext.has_long_integer(whole):
        return [parse_line(line) for line in lines]
    rows = _parse_together(whole, len(lines)) if _are_flat(together, lines) else None
    return [_parse_exact(line) for line in lines] if rows is None else rows


def parse_payload(payload: bytes) -> list[Row]:
    """The rows of a chunk, each line of which was one object when it came in."""
    if jsontext.has_long_integer(payload):
        return [parse_line(line) for line in unpack(payload)]
    rows = _parse_together(b"[%b]" % payload.replace(b"\n", b","), payload.count(b"\n") + 1)
    return [_parse_exact(line) for line in unpack(payload)] if rows is None else rows


def _are_flat(together: str, lines: Sequence[str]) -> bool:
    """Whether each line begins with the only opening brace that it has, and none has a bracket.

    So many objects in all are then one a line. No line can end inside a text, for the break behind it may not stand in one; nor
    in a list, for there is none; nor in an object, where after a comma no brace may come.
    """
    return "[" not in together and together.count("{") == len(lines) and {line[:1] for line in lines} == {"{"}


def _parse_together(whole: bytes, count: int) -> list[Row] | None:
    """The rows of a JSON list; None when it is not one of so many objects."""
    try:
        rows: list[Row] = orjson.loads(whole)
    except orjson.JSONDecodeError:
        return None
    return rows if list(map(type, rows)) == [dict] * count else None


def check_line(line: str) -> None:
    if len(line) > LONGEST_LINE:
        raise Invalid(_("A line is longer than 10 MiB."))
    if "\n" in line:
        raise Invalid(_("A line holds a line break."))


def pack(lines: Sequence[str]) -> bytes:
    """A chunk's payload: the lines as they came."""
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def unpack(payload: bytes) -> list[bytes]:
    return payload.split(b"\n")


def unpack_text(payload: bytes) -> list[str]:
    return payload.decode("utf-8", "surrogatepass").split("\n")


@dataclass(frozen=True, slots=True)
class Shaped:
    """Rows with the same paths in one order and values of the same types, as columns."""

    paths: tuple[Path, ...]
    kinds: tuple[type, ...]
    places: Sequence[int]  # of these rows in the batch
    columns: list[tuple[Any, ...]]  # the values of each path


def by_shape(rows: Sequence[Row]) -> Iterator[Shaped]:
    """A batch as few groups of columns: a training loop logs few shapes of rows."""
    alike = _all_alike(rows)
    if alike is not None:
        yield alike
        return
    nested: dict[Any, tuple[list[int], list[dict[Any, Any]]]] = {}
    for (keys, kinds), places in _shapes(rows).items():
        if dict not in kinds:
            yield Shaped(
                tuple((key,) for key in keys), kinds, places, _columns([rows[place] for place in places])
            )
            continue
        for place in places:
            flat = dict(leaves(rows[place]))
            group = nested.setdefault((tuple(flat), tuple(map(type, flat.values()))), ([], []))
            group[0].append(place)
            group[1].append(flat)
    for (paths, kinds), (places, flats) in nested.items():
        yield Shaped(paths, kinds, places, _columns(flats))


def _all_alike(rows: Sequence[Row]) -> Shaped | None:
    """The whole batch as one group, if it is one and nothing in it is nested: looked at without a step for each row."""
    shapes = set(map(tuple, rows))
    if len(shapes) != 1:
        return None
    columns = _columns(rows)
    kinds = [set(map(type, column)) for column in columns]
    if any(len(found) != 1 or dict in found for found in kinds):
        return None
    (keys,) = shapes
    return Shaped(tuple((key,) for key in keys), tuple(kind for (kind,) in kinds), range(len(rows)), columns)


def _columns(rows: Iterable[dict[Any, Any]]) -> list[tuple[Any, ...]]:
    return list(zip(*map(dict.values, rows), strict=True))


def _shapes(rows: Sequence[Row]) -> dict[tuple[tuple[str, ...], tuple[type, ...]], list[int]]:
    shapes: dict[tuple[tuple[str, ...], tuple[type, ...]], list[int]] = {}
    for place, row in enumerate(rows):
        shape = tuple(row), tuple(map(type, row.values()))
        if shape in shapes:
            shapes[shape].append(place)
        else:
            shapes[shape] = [place]
    return shapes
