"""Config and summary as the table's values, whichever way they are flattened."""

from __future__ import annotations

from typing import Any

import pytest

from apps.web.values import flat


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, {}),
        ({"loss": 1, "a.b": [1, {"c": 2}]}, {"loss": 1, "a.b": [1, {"c": 2}]}),
        ({"loss": 1, "opt": {"lr": 2, "deep": {"x": None}}}, {"loss": 1, "opt.lr": 2, "opt.deep.x": None}),
        ({"empty": {}, "image": {"_type": "image-file"}}, {"empty": {}, "image": {"_type": "image-file"}}),
        ({"損失": 1, "half \ud800": 2}, {"損失": 1, "half ?": 2}),
    ],
)
def test_each_leaf_stands_under_its_dotted_name(values: dict[str, Any], found: dict[str, Any]) -> None:
    assert flat(values) == found


def test_what_is_flattened_is_a_copy() -> None:
    values = {"loss": 1}

    assert flat(values) is not values
