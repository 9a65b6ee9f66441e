from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from apps.runs.history import keys as module
from apps.runs.history.keys import KeyList, history_keys
from apps.runs.history.lines import parse_line
from apps.runs.history.paths import MISSING, Row
from tests.runs.history import values
from tests.runs.history.values import ODD_LINES, same


def listed(*batches: list[Row]) -> KeyList:
    keys = KeyList()
    for batch in batches:
        keys.add(batch)
    return keys


def test_counts_types_last_values_and_steps_by_hand() -> None:
    keys = listed(
        [{"loss": 1.0, "_step": 0}, {"loss": 0.5, "_step": 1}],
        [{"loss": "oops", "_step": 2}, {"acc": {"val": 1}, "_step": 5}],
    )

    loss = keys.keys["loss",]
    assert (loss.types, loss.last, loss.last_step) == ({"number": 2, "string": 1}, "oops", 2)
    assert (keys.keys["acc", "val"].last, keys.keys["acc", "val"].last_step) == (1, 5)
    assert keys.last_step == 5
    assert list(keys.keys) == [("loss",), ("_step",), ("acc", "val")]


def test_the_list_as_the_client_reads_it() -> None:
    found = history_keys(listed([{"a": {"b": 2}, "h": {"_type": "histogram"}, "_step": 3}]))

    assert found["lastStep"] == 3
    assert found["keys"]["a.b"] == {"typeCounts": [{"type": "number", "count": 1}], "previousValue": 2}
    assert found["keys"]["h"] == {"typeCounts": [{"type": "histogram", "count": 1}]}
    assert history_keys(KeyList())["lastStep"] == -1


def test_an_older_row_in_the_batch_does_not_win() -> None:
    keys = listed([{"a": 1, "_step": 9}, {"a": 2, "b": 0, "_step": 4}])

    assert (keys.keys["a",].last, keys.keys["a",].last_step, keys.keys["a",].count) == (1, 9, 2)


def test_the_last_step_is_one_that_can_be_compared() -> None:
    usual = listed([{"_step": 3}, {"_step": 7}, {"_step": 5}])
    with_huge = listed([{"_step": 3}, {"_step": 2**64}, {"_step": -(2**80)}])
    fractions = listed([{"_step": 1.5}, {"_step": float("nan")}, {"_step": 0.5}])
    true = listed([{"_step": True}])

    assert [each.last_step for each in (usual, with_huge, fractions, true)] == [7, 3, 1.5, None]


def test_odd_values_survive_sealing_and_opening() -> None:
    keys = listed([parse_line(line) for line in ODD_LINES])

    opened = KeyList.from_text(keys.to_text())

    for path, facts in keys.keys.items():
        assert same(opened.keys[path].types, facts.types)
        assert opened.keys[path].last is facts.last is MISSING or same(opened.keys[path].last, facts.last)
    assert opened.last_step == keys.last_step


@settings(max_examples=50, deadline=None)
@given(values.rows)
def test_counts_are_the_same_in_one_batch_or_many(rows: list[Row]) -> None:
    whole, single = listed(rows), listed(*([row] for row in rows))

    assert {path: facts.types for path, facts in whole.keys.items()} == {
        path: facts.types for path, facts in single.keys.items()
    }
    assert KeyList.from_text(whole.to_text()).to_text() == whole.to_text()


def test_the_list_is_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST_KEYS", 3)

    keys = listed([{"a": 1, "b": 2, "x" * 2000: 3, "c": 4, "d": 5}])

    assert list(keys.keys) == [("a",), ("b",), ("c",)]
    assert keys.left_out == 2


def test_long_texts_and_lists_are_not_repeated_in_the_list() -> None:
    keys = listed([{"s": "x" * 300, "l": [1], "short": "y"}])

    assert keys.keys["s",].last is keys.keys["l",].last is MISSING
    assert keys.keys["short",].last == "y"
