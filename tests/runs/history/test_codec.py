from __future__ import annotations

import io
import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.runs.history import codec
from apps.runs.history.lines import parse_line
from apps.runs.history.paths import MISSING, Row, pick
from tests.runs.history import values
from tests.runs.history.values import ODD_LINES, same


def reader(rows: list[Row]) -> codec.SegmentReader:
    return codec.SegmentReader(io.BytesIO(codec.write(rows)))


def test_odd_values_come_back_to_the_type_and_bit() -> None:
    rows = [parse_line(line) for line in ODD_LINES]

    assert same(list(reader(rows).rows()), rows)


@settings(max_examples=150, deadline=None)
@given(values.rows)
def test_any_rows_come_back(rows: list[Row]) -> None:
    assert same(list(reader(rows).rows()), rows)


def test_no_rows_at_all() -> None:
    assert list(reader([]).rows()) == []


def test_rows_without_keys_are_counted() -> None:
    assert list(reader([{}, {}, {"a": 1}, {}]).rows()) == [{}, {}, {"a": 1}, {}]


def test_projection_reads_one_column_and_not_the_others() -> None:
    class Counting(io.BufferedReader):
        taken = 0

        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            Counting.taken += len(found)
            return found

    rows: list[Row] = [{f"m{n}": random.random() for n in range(50)} for _ in range(5000)]
    packed = codec.write(rows)

    found = list(codec.SegmentReader(Counting(io.BytesIO(packed))).rows(frozenset({"m7"})))

    assert found == [{"m7": row["m7"]} for row in rows]
    assert Counting.taken < len(packed) / 10


def test_a_dotted_name_means_the_key_with_dots_and_the_nested_one() -> None:
    rows: list[Row] = [{"a.b": 1, "c": 0}, {"a": {"b": 2, "d": 3}}, {"a": {"b": {"e": 4}}}]

    def read(name: str) -> list[object]:
        return [pick(row, name) for row in reader(rows).rows(frozenset({name}))]

    assert read("a.b") == [1, 2, {"e": 4}]
    assert read("a") == [MISSING, {"b": 2, "d": 3}, {"b": {"e": 4}}]
    assert read("a.b.e") == [MISSING, MISSING, 4]
    assert [there.tolist() for there, _ in reader(rows).numbers("a", "a.b")] == [
        [False] * 3,
        [True, True, False],
    ]


def test_chosen_places_across_row_groups() -> None:
    rows: list[Row] = [{"n": n} for n in range(codec.ROWS_IN_GROUP + 10)]
    places = [0, 5, codec.ROWS_IN_GROUP - 1, codec.ROWS_IN_GROUP, codec.ROWS_IN_GROUP + 9]

    assert list(reader(rows).rows(None, places)) == [{"n": n} for n in places]


def test_numbers_of_a_metric_that_changes_its_type() -> None:
    rows: list[Row] = [{"a": 1}, {"a": 2.5}, {"a": "x"}, {}, {"a": None}, {"a": 2**70}, {"a": {"b": 7}}]

    (there, found), (nested, below) = reader(rows).numbers("a", "a.b")

    assert there.tolist() == [True, True, False, False, False, True, False]
    assert found[there].tolist() == [1.0, 2.5, float(2**70)]
    assert below[nested].tolist() == [7.0]


def test_numbers_of_a_plain_metric_keep_nan_and_leave_gaps_out() -> None:
    ((there, found),) = reader([{"a": 1}, {"a": float("nan")}, {}, {"a": 0.5}]).numbers("a")

    assert there.tolist() == [True, True, False, True]
    assert str(found[there].tolist()) == "[1.0, nan, 0.5]"


def test_numbers_of_several_metrics_and_of_one_that_is_not_there() -> None:
    segment = reader([{"a": 1.5, "b": 1}, {"b": 2}, {"a": 2.5, "b": "x"}])

    found = segment.numbers("b", "none", "a")

    assert [there.tolist() for there, _ in found] == [[True, True, False], [False] * 3, [True, False, True]]
    assert [values.tolist() for _, values in found] == [[1.0, 2.0, 0.0], [0.0] * 3, [1.5, 0.0, 2.5]]
    assert segment.has("none").tolist() == [False] * 3


def test_ten_thousand_names_share_columns_and_come_back() -> None:
    rows: list[Row] = [{f"m{n}": n + step for n in range(10_000)} | {"x": {"y": None}} for step in range(3)]
    segment = reader(rows)

    assert list(segment.rows()) == rows
    assert [row["m9999"] for row in segment.rows(frozenset({"m9999"}))] == [9999, 10000, 10001]
    assert segment.numbers("m9998")[0][1].tolist() == [9998.0, 9999.0, 10000.0]
    assert segment._file.metadata.num_columns <= 3 * codec.MOST_OWN_PATHS + codec.SHARED_COLUMNS


def test_a_training_run_takes_less_than_nine_bytes_a_point() -> None:
    rows: list[Row] = [
        {f"m{n}": random.random() for n in range(10)}
        | {"_step": step, "_timestamp": 1.79e9 + step / 7, "_runtime": step / 7}
        for step in range(5000)
    ]

    assert len(codec.write(rows)) / (5000 * 10) < 9
    assert len(json.dumps(rows)) / (5000 * 10) > 25


@settings(max_examples=100, deadline=None)
@given(values.rows, st.integers(0, 8), st.integers(0, 8))
def test_rows_that_come_in_batches_are_the_same_rows(rows: list[Row], first: int, second: int) -> None:
    batches = [rows[:first], rows[first : first + second], rows[first + second :]]

    packed = codec.write_batches(iter(batches))

    assert same(list(codec.SegmentReader(io.BytesIO(packed)).rows()), rows)
