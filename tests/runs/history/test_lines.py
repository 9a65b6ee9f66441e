from __future__ import annotations

import json

import pytest

from apps.core.errors import Invalid
from apps.runs.history import lines as lines_module
from apps.runs.history.lines import (
    DEEPEST_VALUE,
    by_shape,
    check_line,
    pack,
    parse_line,
    parse_lines,
    parse_payload,
    unpack,
    unpack_text,
)
from tests.runs.history.values import ODD_LINES, same


@pytest.mark.parametrize("line", ODD_LINES)
def test_a_line_parses_as_python_would_read_it(line: str) -> None:
    assert same(parse_line(line), json.loads(line))


@pytest.mark.parametrize("line", ODD_LINES)
def test_a_line_alone_in_its_batch_parses_the_same(line: str) -> None:
    assert same(parse_lines([line]), [json.loads(line)])
    assert same(parse_payload(pack([line])), [json.loads(line)])


def test_a_batch_parses_as_its_lines_do() -> None:
    assert same(parse_lines(ODD_LINES), [json.loads(line) for line in ODD_LINES])
    assert same(parse_payload(pack(ODD_LINES)), [json.loads(line) for line in ODD_LINES])


@pytest.mark.parametrize(
    "line", ["", "1", "[]", "null", "{", '{"a":1}{"b":2}', "{'a':1}", "nonsense", '{"a":1' + "0" * 5000 + "}"]
)
def test_what_is_no_object_is_refused(line: str) -> None:
    with pytest.raises(Invalid):
        parse_line(line)
    with pytest.raises(Invalid):
        parse_lines([line])


def test_a_line_nested_too_deeply_is_refused() -> None:
    parse_line('{"a":' + "[" * (DEEPEST_VALUE - 1) + "]" * (DEEPEST_VALUE - 1) + "}")
    with pytest.raises(Invalid):
        parse_line('{"a":' + "[" * DEEPEST_VALUE + "]" * DEEPEST_VALUE + "}")
    with pytest.raises(Invalid):
        parse_line('{"a":' * 900 + "1" + "}" * 900)
    with pytest.raises(Invalid):
        parse_lines(['{"a":' + "[" * DEEPEST_VALUE + "]" * DEEPEST_VALUE + "}"])


def test_line_breaks_and_bombs_are_refused() -> None:
    with pytest.raises(Invalid):
        check_line('{"a":\n1}')
    with pytest.raises(Invalid):
        check_line("x" * (10 * 1024 * 1024 + 1))


def test_packed_lines_come_back_to_the_letter() -> None:
    lines = [*ODD_LINES, "  { } ", "\ud800", ""]

    assert unpack_text(pack(lines)) == lines
    assert unpack(pack(["é", ""])) == ["é".encode(), b""]


FLAT = ['{"a":1,"b":"x"}', '{"a":2.5,"b":"y"}', '{"b":null}', "{}"]


def test_flat_lines_parsed_together_are_the_same_rows() -> None:
    assert same(parse_lines(FLAT), [json.loads(line) for line in FLAT])
    assert same(parse_payload(pack(FLAT)), [json.loads(line) for line in FLAT])
    assert parse_lines([]) == []


def test_rows_of_a_chunk_come_together_whatever_is_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"a": {"b": [1, {"c": 2}]}, "d": "[{"}, {"a": 1.5}, {}]
    monkeypatch.setattr(lines_module, "_parse_exact", None)

    assert same(parse_payload(pack([json.dumps(row) for row in rows])), rows)


@pytest.mark.parametrize(
    "lines",
    [
        ['{"a":1', '"b":2}', '{"c":1},{"d":2}'],
        ['{"a":1', '"b":2}'],
        ['{"a":1},{"b":2}'],
        ['{"a":1},{"b":2}', '{"c":[{}', "{}]}"],
        ['{"a":"x}', '{b":1}'],
        ['{"a":1},0', '{"b":2}'],
        ['{"a":1}', "", '{"b":2}'],
        ['{"a":1},', '{"b":2}'],
        ['{"a":1}\n{"b":2}'],
        ['{"a":1}', "{}\n{}"],
        ['{"a":"x}', '{"}', '{"c":1},{"d":2}'],
        ['{"a":"x', '{"}', '{"c":1}'],
        [" ", '{"a":1},{"b":2}'],
    ],
)
def test_no_two_lines_make_up_for_each_other(lines: list[str]) -> None:
    with pytest.raises(Invalid):
        parse_lines(lines)


def test_rows_alike_are_one_group_of_columns_and_others_as_many_as_they_have_shapes() -> None:
    (alike,) = by_shape([{"a": 1, "b": 2.0}, {"a": 3, "b": 4.0}])
    assert (alike.paths, alike.kinds) == ((("a",), ("b",)), (int, float))
    assert (list(alike.places), alike.columns) == ([0, 1], [(1, 3), (2.0, 4.0)])

    rows: list[dict[str, object]] = [{"a": 1}, {"a": 1.0}, {"a": {"b": 2}}, {"a": True}, {"a": 5}]
    assert [(list(one.places), one.paths, one.kinds, one.columns) for one in by_shape(rows)] == [
        ([0, 4], (("a",),), (int,), [(1, 5)]),
        ([1], (("a",),), (float,), [(1.0,)]),
        ([3], (("a",),), (bool,), [(True,)]),
        ([2], (("a", "b"),), (int,), [(2,)]),
    ]
