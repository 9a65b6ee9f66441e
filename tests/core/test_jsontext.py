from __future__ import annotations

import json
import math
from typing import Any

import pytest

from apps.core import jsontext
from apps.core.errors import Invalid


@pytest.mark.promise("P-21")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740993", 2**53 + 1),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2**64),
        ("-18446744073709551616", -(2**64)),
        (str(2**70), 2**70),
        (f'{{"a": [{2**70}, -{2**70}]}}', {"a": [2**70, -(2**70)]}),
        ("Infinity", math.inf),
        ("[-Infinity]", [-math.inf]),
        ("1e400", math.inf),
        ("0.1234567890123456789012", 0.1234567890123456789012),
        ("0.00012345678901234567", 0.00012345678901234567),
        ("[0.00012345678901234567, 18446744073709551617]", [0.00012345678901234567, 2**64 + 1]),
        ("12345678901234567890.5", 12345678901234567890.5),
        ("12345678901234567890e2", 12345678901234567890e2),
        ('"12345678901234567890"', "12345678901234567890"),
        ("null", None),
        ('""', ""),
        ('{"größe.x": [[], {}, ""]}', {"größe.x": [[], {}, ""]}),
        ('"\\ud800"', "\ud800"),
        ('{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_value_is_what_the_text_spells(text: str, value: Any) -> None:
    assert jsontext.loads(text) == value
    assert jsontext.loads(text.encode()) == value
    assert type(jsontext.loads(text)) is type(value)


@pytest.mark.parametrize("text", ["NaN", '{"loss": NaN}', "[1, NaN, 2]"])
def test_nan_comes_back(text: str) -> None:
    assert "NaN" in repr(jsontext.loads(text)).replace("nan", "NaN")
    assert json.dumps(jsontext.loads(text)) == text


@pytest.mark.parametrize(
    "value",
    [
        2**53 + 1,
        2**64,
        2**70,
        -(2**70),
        math.inf,
        -math.inf,
        1e-320,
        "é\u202e😀",
        "\ud800",
        {"a.b": {"": [None]}},
        True,
    ],
)
def test_dumps_and_loads_are_inverse(value: Any) -> None:
    text = jsontext.dumps(value)

    assert jsontext.loads(text) == value
    assert text.encode().decode() == text


def test_dumps_is_compact_and_keeps_letters() -> None:
    assert jsontext.dumps({"é": [1, math.nan]}) == '{"é":[1,NaN]}'


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        " ",
        "{",
        "[1,]",
        "{'a': 1}",
        "nan",
        "1 2",
        '"a',
        b"\xff",
        b'"\xff"',
        "\ufeff1",
        "[" * 10,
        "9" * 5000,
        "\x00",
    ],
)
def test_garbage_is_invalid(garbage: str | bytes) -> None:
    with pytest.raises(Invalid, match=r"This is not JSON\."):
        jsontext.loads(garbage)


def test_garbage_is_not_quoted_by_the_error() -> None:
    with pytest.raises(Invalid) as caught:
        jsontext.loads('{"password": hunter2}')

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


# The second member sends the text down the slow path.
@pytest.mark.parametrize("second", ["1", "NaN", str(2**70)])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_bounded_on_both_paths(opened: str, closed: str, second: str) -> None:
    def nested(depth: int) -> str:
        return f"[{opened * (depth - 1)}0{closed * (depth - 1)}, {second}]"

    assert jsontext.loads(nested(jsontext.MOST_DEPTH)) is not None
    for depth in (jsontext.MOST_DEPTH + 1, 900, 1_500, 200_000):
        with pytest.raises(Invalid, match="nested deeper"):
            jsontext.loads(nested(depth))


def test_brackets_in_strings_are_no_nesting() -> None:
    text = json.dumps(["[" * 500, '"{' * 500])

    assert jsontext.loads(text) == ["[" * 500, '"{' * 500]
