from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given

from apps.runs.history.paths import MISSING, Row, leaves, pick, put, serving, weight
from tests.runs.history import values


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"a.b": 1}, [(("a.b",), 1)]),
        ({"a": {"b": 1}}, [(("a", "b"), 1)]),
        ({"a": {}}, [(("a",), {})]),
        ({"a": {"_type": "x", "b": 1}}, [(("a",), {"_type": "x", "b": 1})]),
        ({"a": [{"b": 1}]}, [(("a",), [{"b": 1}])]),
    ],
)
def test_leaves_by_hand(row: Row, expected: list[Any]) -> None:
    assert list(leaves(row)) == expected


@given(values.rows)
def test_put_undoes_leaves(rows: list[Row]) -> None:
    for row in rows:
        built: Row = {}
        for path, value in leaves(row):
            put(built, path, value)
        assert repr(built) == repr(row)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.b", 1),
        ("a", {"b": 2, "c.d": {"e": 3}}),
        ("a.c.d.e", 3),
        ("a.c.d", {"e": 3}),
        ("x", MISSING),
        ("a.x", MISSING),
    ],
)
def test_pick_by_dotted_name(name: str, expected: Any) -> None:
    assert pick({"a.b": 1, "a": {"b": 2, "c.d": {"e": 3}}}, name) == expected


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        (("a", "b"), "a", True),
        (("a", "b"), "a.b", True),
        (("a.b",), "a.b", True),
        (("a", "b"), "a.b.c", True),
        (("ab",), "a", False),
        (("a",), "ab", False),
        (("b",), "a", False),
        (("a", ""), "a", True),
        (("a",), "a.", True),
    ],
)
def test_serving(path: tuple[str, ...], name: str, expected: bool) -> None:
    assert serving([("other",), path], frozenset({name, "y"})) == [1] * expected


def test_weight_is_about_the_letters() -> None:
    assert weight({"a": ["bcd", 1, {"ef": None}]}) == 1 + 3 + 8 + 2 + 8


def test_many_names_among_many_paths_take_no_time() -> None:
    """One small request may name a thousand keys of a run that has twenty thousand."""
    started = time.process_time()
    serving([(f"layer{n}", "weight") for n in range(20_000)], frozenset(f"x{n}.y" for n in range(1_000)))
    assert time.process_time() - started < 1
