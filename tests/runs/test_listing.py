from __future__ import annotations

from typing import Any

from apps.runs.listing import LARGEST_KEPT_WHOLE, shortened


def test_short_values_are_kept_where_they_were() -> None:
    value = {"lr": 0.1, "on": True, "none": None, "name": "x", "deep": {"er": {"n": 2**70}}, "empty": {}}

    assert shortened(value)[0] == value


def test_long_values_are_left_out_or_cut() -> None:
    kept, size = shortened({"list": [1], "text": "é" * 5_000, "below": {"list": [2], "n": 1}})

    assert kept == {"text": "é" * 1_000, "below": {"n": 1}}
    assert size < 1_100


def test_what_is_near_the_top_goes_first() -> None:
    value: dict[str, Any] = {"below": {f"k{n}": "x" * 900 for n in range(1_000)}, "lr": 0.1}

    kept, size = shortened(value)

    assert kept["lr"] == 0.1
    assert 60 < len(kept["below"]) < 80
    assert size < LARGEST_KEPT_WHOLE + 1_000


def test_many_empty_objects_are_not_free() -> None:
    kept, _ = shortened({f"k{n}": {"x": {}} for n in range(100_000)})

    assert len(kept) < 3_000


def test_depth_costs_no_stack() -> None:
    value: dict[str, Any] = {"n": 1}
    for _ in range(90):
        value = {"inner": value}

    assert shortened(value)[0] == value
