"""Columns as the history keeps them, turned into the columns of a table without a row in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from apps.core import jsontext
from apps.runs.formats.columns import (
    EXACT_IN_DOUBLE,
    Column,
    Kind,
    as_json,
    cells_of,
    name_of,
    note_kinds,
)
from apps.runs.history.columnar import Columnar, RawColumns

if TYPE_CHECKING:
    import pyarrow as pa

Raw = dict[str, Any]  # the values of one name by kind: `d`, `i` and `t`, as RawColumns has them


def columns_of_whole(columnar: Columnar) -> list[Column]:
    """What each name holds, in the order of the names. Doubles are what they are and need no look."""
    found: dict[str, Column] = {}
    for name, kind in columnar.kinds_of():
        column = found.setdefault(name_of((name,)), Column(name_of((name,))))
        if kind == "d":
            column.kinds.add(Kind.NUMBER)
    for block in columnar.blocks("it"):
        if isinstance(block, RawColumns):
            for name, raw in block.columns.items():
                found[name_of((name,))].kinds |= _kinds(raw)
        else:
            note_kinds(found, block)
    return list(found.values())


def batches_of_whole(
    columnar: Columnar, columns: Sequence[Column], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for block in columnar.blocks():
        if isinstance(block, RawColumns):
            yield _batch(block, columns, schema)
        elif block:
            cells = zip(cells_of(block, columns), schema, strict=True)
            yield pa.RecordBatch.from_arrays(
                [pa.array(each, field.type) for each, field in cells], schema=schema
            )


def _kinds(raw: Raw) -> set[Kind]:
    import pyarrow.compute as pc

    kinds: set[Kind] = set()
    if "i" in raw and raw["i"].null_count < len(raw["i"]):
        ends = pc.min_max(raw["i"]).as_py()
        is_exact = ends["min"] in EXACT_IN_DOUBLE and ends["max"] in EXACT_IN_DOUBLE
        kinds.add(Kind.SMALL_INTEGER if is_exact else Kind.INTEGER)
    if "t" in raw:
        kinds |= _kinds_of_texts(raw["t"])
    return kinds


def _kinds_of_texts(texts: pa.Array) -> set[Kind]:
    """By the first letters of each JSON text. What is no short word or string is JSON here as well."""
    import pyarrow.compute as pc

    kinds: set[Kind] = set()
    for start in pc.unique(pc.utf8_slice_codeunits(texts, 0, 1)).to_pylist():
        if start in {"t", "f"}:
            kinds.add(Kind.BOOLEAN)
        elif start == '"':
            # Half a surrogate pair is written as an escape; it has no UTF-8 form.
            kinds |= {Kind.JSON} if _has_half_pairs(texts) else {Kind.TEXT}
        elif start not in {"n", None}:
            kinds.add(Kind.JSON)
    return kinds


def _has_half_pairs(texts: pa.Array) -> bool:
    import pyarrow.compute as pc

    escaped = texts.filter(pc.match_substring_regex(texts, r"\\u[dD][89a-fA-F]"))
    return any(_is_broken(jsontext.loads(text)) for text in escaped.to_pylist())


def _is_broken(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return True
    return False


def _batch(block: RawColumns, columns: Sequence[Column], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    named = {name_of((name,)): raw for name, raw in block.columns.items()}
    arrays = [
        _array(named[column.name], column.kind, field.type)
        if named.get(column.name)
        else pa.nulls(block.row_count, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(raw: Raw, kind: Kind, target: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind is Kind.INTEGER:
        return raw["i"] if "i" in raw else pa.nulls(_length(raw), target)
    if kind is Kind.NUMBER:
        numbers = [pc.cast(raw[each], target) for each in "di" if each in raw]
        return pc.coalesce(*numbers) if numbers else pa.nulls(_length(raw), target)
    if kind is Kind.BOOLEAN:
        return _booleans(raw["t"]) if "t" in raw else pa.nulls(_length(raw), target)
    if kind is Kind.TEXT:
        return pa.array(_texts(raw["t"]), target) if "t" in raw else pa.nulls(_length(raw), target)
    return pa.array(as_json(_values(raw)), target)


def _length(raw: Raw) -> int:
    return len(next(iter(raw.values())))


def _booleans(texts: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.equal(texts, "null"), pa.scalar(None, pa.bool_()), pc.equal(texts, "true"))


def _texts(texts: pa.Array) -> list[str | None]:
    return [None if text is None else jsontext.loads(text) for text in texts.to_pylist()]


def _values(raw: Raw) -> list[Any]:
    """The values of a name that holds more than one kind, row by row."""
    values: list[Any] = [None] * _length(raw)
    for kind, array in raw.items():
        for place, value in enumerate(array.to_pylist()):
            if value is not None:
                values[place] = jsontext.loads(value) if kind == "t" else value
    return values
