"""What `define_metric` says, as the client writes it down."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.runs.defined import Definitions, Direction

# Written by the client 0.31 for: define_metric("epoch"), ("val/acc", step_metric="epoch", summary="max"),
# ("loss", summary="min"), ("val/*", step_metric="epoch"), ("secret/*", hidden=True), ("best", summary="best", goal="minimize")
SENT = [
    {"7": [], "1": "epoch", "6": [3]},
    {"7": [2], "1": "val/acc", "5": 1, "6": [1, 3]},
    {"1": "loss", "6": [3], "7": [1]},
    {"5": 1, "6": [1], "7": [], "2": "val/*"},
    {"2": "secret/*", "6": [2], "7": []},
    {"1": "best", "7": [4], "8": 1},
]


def _config(listed: Any) -> str:
    return json.dumps({"_wandb": {"value": {"m": listed}}})


@pytest.mark.parametrize(
    ("name", "axis", "is_hidden", "direction"),
    [
        ("val/acc", "epoch", False, Direction.MOST),
        ("val/loss", "epoch", False, None),
        ("loss", "", False, Direction.LEAST),
        ("secret/a", "", True, None),
        ("best", "", False, Direction.LEAST),
        ("epoch", "", False, None),
        ("other", "", False, None),
    ],
)
def test_what_a_script_defined(name: str, axis: str, is_hidden: bool, direction: Direction | None) -> None:
    found = Definitions.of_config(_config(SENT))

    assert (found.axis_of(name), found.is_hidden(name), found.direction_of(name)) == (
        axis,
        is_hidden,
        direction,
    )


def test_the_longest_beginning_that_fits_is_heard() -> None:
    listed = [{"2": "*", "4": "epoch"}, {"2": "val/*", "4": "batch"}]
    found = Definitions.of_config(_config(listed))

    assert (found.axis_of("val/loss"), found.axis_of("train/loss"), found.axis_of("epoch")) == (
        "batch",
        "epoch",
        "",
    )


def test_of_several_runs_the_first_to_define_a_metric_is_heard() -> None:
    one, other = (
        _config([{"1": "a", "4": "epoch"}]),
        _config([{"1": "a", "4": "batch"}, {"1": "b", "4": "batch"}]),
    )
    found = Definitions.of_runs([one, other])

    assert (found.axis_of("a"), found.axis_of("b")) == ("epoch", "batch")


@pytest.mark.parametrize(
    "listed",
    [
        None,
        3,
        {},
        [None, 7, "x"],
        [{"1": 3, "5": 9}],
        [{"1": "a", "5": 99}],
        [{"1": "a", "7": "max", "6": 2}],
        [{"2": "a*b"}],
    ],
)
def test_what_is_no_definition_says_nothing(listed: Any) -> None:
    found = Definitions.of_config(_config(listed))

    assert (found.axis_of("a"), found.is_hidden("a"), found.direction_of("a")) == ("", False, None)


@pytest.mark.parametrize("text", ["{}", "[]", '{"_wandb": 3}', '{"_wandb": {"value": null}}'])
def test_a_config_without_definitions(text: str) -> None:
    assert Definitions.of_config(text) == Definitions()
