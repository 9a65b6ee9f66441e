from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.runs.history.sampling import ascending, evenly_spread, m4

NAN, INF = float("nan"), float("inf")


def places(x: list[float], y: list[float], buckets: int) -> list[int]:
    found: list[int] = m4(np.array(x, np.float64), np.array(y, np.float64), buckets).tolist()
    return found


@pytest.mark.parametrize(
    ("count", "samples", "expected"),
    [
        (0, 5, []),
        (5, 0, []),
        (3, 5, [0, 1, 2]),
        (3, 3, [0, 1, 2]),
        (10, 1, [9]),
        (10, 2, [0, 9]),
        (10, 4, [0, 3, 6, 9]),
        (5, 3, [0, 2, 4]),
    ],
)
def test_evenly_spread_by_hand(count: int, samples: int, expected: list[int]) -> None:
    assert evenly_spread(count, samples) == expected


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_evenly_spread_has_as_many_as_asked_and_the_last(count: int, samples: int) -> None:
    found = evenly_spread(count, samples)

    assert len(found) == len(set(found)) == min(count, samples)
    assert found == sorted(found)
    assert found[-1] == count - 1


def test_m4_keeps_first_last_lowest_and_highest_of_each_column() -> None:
    # column 0: steps 0 to 4, column 1: steps 5 to 9 (the last x belongs to the last column)
    y = [3.0, 9, 4, 1, 5, 2, 2, 8, 0, 6]

    assert places([*range(10)], y, 2) == [0, 1, 3, 4, 5, 7, 8, 9]


def test_m4_gives_all_points_when_there_are_no_more_than_columns() -> None:
    assert places([0, 1, 2], [1, NAN, 1], 3) == [0, 1, 2]


def test_m4_columns_have_equal_width_on_the_axis_not_equal_counts() -> None:
    # columns are [0, 50) and [50, 100]: nine points lie in the first, one in the second
    assert places([0, 1, 2, 3, 4, 5, 6, 7, 8, 100], [5, 5, 5, 9, 5, 0, 5, 5, 5, 5], 2) == [0, 3, 5, 8, 9]


def test_m4_keeps_a_nan_and_an_infinity_of_each_sign_and_still_the_extremes() -> None:
    y = [1, NAN, NAN, 7, INF, -3, -INF, INF, 2, 1]

    assert places([*range(10)], y, 1) == [0, 1, 3, 4, 5, 6, 9]


def test_m4_of_nothing_but_nan() -> None:
    assert places([*range(6)], [NAN] * 6, 2) == [0, 2, 3, 5]


def test_m4_of_one_x_is_one_column() -> None:
    assert places([4, 4, 4, 4], [1, 5, 0, 2], 3) == [0, 1, 2, 3]


def test_m4_over_an_empty_stretch_of_the_axis() -> None:
    assert places([0, 1, 2, 98, 99, 100], [0, 1, 0, 1, 0, 1], 4) == [0, 1, 2, 3, 4, 5]


@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=200), st.integers(1, 50))
def test_m4_never_loses_an_extreme(y: list[float], buckets: int) -> None:
    chosen = [y[place] for place in places([*range(len(y))], y, buckets)]
    finite = [value for value in y if value - value == 0]

    assert {value for value in (min(finite), max(finite)) if finite} <= set(chosen) if finite else True
    assert any(value != value for value in chosen) == any(value != value for value in y)
    assert len(chosen) <= min(len(y), 7 * buckets)


def test_m4_finds_the_spike_in_a_million_points() -> None:
    y = np.zeros(1_000_000)
    y[777_777] = 1.0

    found = m4(np.arange(1_000_000.0), y, 1000)

    assert 777_777 in found
    assert len(found) <= 4000


def test_ascending_keeps_the_order_of_points_at_one_place() -> None:
    assert ascending(np.array([1.0, 2.0, 2.0])) is None
    assert np.array_equal(ascending(np.array([2.0, 1.0, 2.0])), [1, 0, 2])  # type: ignore[arg-type]
