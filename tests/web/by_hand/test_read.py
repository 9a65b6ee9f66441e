"""What is understood of typed values, of lines, and of pasted rows."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from apps.core.errors import Invalid
from apps.web.by_hand.pairs import read_pairs
from apps.web.by_hand.rows import read_rows
from apps.web.by_hand.typed import read_value


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("0.5", 0.5),
        (" 1e-4 ", 1e-4),
        ("-3", -3),
        ("\N{MINUS SIGN}0.25", -0.25),
        (".5", 0.5),
        ("1180591620717411303424", 2**70),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("TRUE", True),
        ("false", False),
        ("null", None),
        ('"12"', "12"),
        ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}),
        ("{half", "{half"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("１２", "１２"),
        ("none", "none"),
        ("a value", "a value"),
        ("", ""),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_typed_values_are_what_they_mean(typed: str, value: object) -> None:
    found = read_value(typed)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("typed", ["nan", "NaN", "NAN"])
def test_nan_is_a_number(typed: str) -> None:
    assert math.isnan(read_value(typed))


def test_lines_are_keys_with_values() -> None:
    text = "# what I chose\nlr = 1e-4\n\nname: adam = w\nopt/eps=1e-8\nwith space = yes\nempty =\n"

    assert read_pairs(text) == {
        "lr": 1e-4,
        "name": "adam = w",
        "opt/eps": 1e-8,
        "with space": "yes",
        "empty": "",
    }


def test_an_object_is_taken_as_it_is() -> None:
    assert read_pairs('{"lr": 1e-4, "big": 1180591620717411303424}') == {"lr": 1e-4, "big": 2**70}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr 1", "Line 1 has no = between a key and its value."),
        ("a = 1\n= 2", "Line 2 has no = between a key and its value."),
        ("a = 1\na = 2", "Line 2 names a key that an earlier line has."),
        ('{"a": 1', "This begins like JSON but is not complete JSON."),
        ("x" * 1_001 + " = 1", "A key has at most 1000 letters."),
        ("x" * 1_000_001, "This has at most 1000000 letters."),
    ],
)
def test_what_says_nothing_is_named(text: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_pairs(text)

    assert refused.value.message == words


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in read_rows(text).lines]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_with_the_separator_of_its_first_line(separator: str) -> None:
    text = "\ufeffstep,loss,note\r\n0,0.5,begun\r\n\r\n1.0,1e-4,\r\n".replace(",", separator)

    assert rows_of(text) == [{"_step": 0, "loss": 0.5, "note": "begun"}, {"_step": 1, "loss": 1e-4}]


def test_quoted_cells_hold_separators_and_line_breaks() -> None:
    assert rows_of('a,"b, c"\n1,"two\nlines, one cell"') == [{"a": 1, "b, c": "two\nlines, one cell"}]


def test_a_column_of_its_own_name_is_the_step() -> None:
    assert rows_of("_step,step\n4,7") == [{"_step": 4, "step": 7}]


def test_json_lines_are_kept_to_the_letter() -> None:
    text = '{"_step": 3, "big": 1180591620717411303424, "x": {"y": NaN}}\n\n{"a": 1.0}\n'

    pasted = read_rows(text)

    assert pasted.lines == ['{"_step": 3, "big": 1180591620717411303424, "x": {"y": NaN}}', '{"a": 1.0}']
    assert (pasted.first_step, pasted.last_step, pasted.without_step) == (3, 3, 1)
    assert list(pasted.columns) == ["_step", "big", "x.y", "a"]


def test_a_list_of_objects_is_rows_too() -> None:
    assert rows_of('[{"a": 1}, {"a": 2, "_step": 5.0}]') == [{"a": 1}, {"a": 2, "_step": 5}]


def test_columns_tell_what_they_hold() -> None:
    pasted = read_rows(",a,b\n0,1,x\n1,nan,2\n2,,true")

    assert pasted.unnamed == 1
    assert pasted.form == "CSV with commas"
    found = {name: (column.counts, column.first, column.last) for name, column in pasted.columns.items()}
    assert found == {
        "a": ({"number": 2}, "1", "nan"),
        "b": ({"text": 1, "number": 1, "boolean": 1}, "x", "true"),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is no row in this."),
        ("a,b", "There is no row in this."),
        (",\n1,2", "The first line has to name the columns."),
        ("a,a\n1,2", "Two columns of the first line have the same name."),
        ("a,b\n1,2\n1,2,3", "Line 3: It has more values than the first line has names."),
        ('a\n"1', "Line 2: A quoted value does not end, or is too long."),
        ('{"a": 1}\n[2]', "Line 2: It is not one JSON object."),
        ('{"a": 1}\n{"a"', "Line 2: It is not one JSON object."),
        ("[1]", "Entry 1 of the list is not an object."),
        ("[1", "This begins like JSON but is not complete JSON."),
        ("step,a\n0,1\n-1,2", "Line 3: A step is a whole number from 0 on."),
        ("step,a\nx,1", "Line 2: A step is a whole number from 0 on."),
        ('{"_step": true}', "Line 1: A step is a whole number from 0 on."),
        ("a\n" + "1\n" * 100_001, "At most 100000 rows can be added at once."),
        ("x" * 8_000_001, "At most 8000000 letters can be added at once."),
        (
            ",".join(f"c{n}" for n in range(1001)) + "\n1",
            "At most 1000 different names can be added at once.",
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(text: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_rows(text)

    assert refused.value.message == words
