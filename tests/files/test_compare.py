from __future__ import annotations

import random
import time

import pytest

from apps.files.compare import MOST_ALIGNED, DiffRow, Mark, compare_trees, diff_lines, folded


def test_what_differs_comes_first_and_each_run_is_marked_against_the_first() -> None:
    rows = compare_trees(
        [{"a": "1", "b": "1", "z": "1"}, {"a": "1", "b": "2", "n": "3"}, {"a": "1", "z": "1"}]
    )

    assert [(row.name, row.marks, row.differs) for row in rows] == [
        ("b", (Mark.CHANGED, Mark.REMOVED), True),
        ("n", (Mark.ADDED, Mark.NEITHER), True),
        ("z", (Mark.REMOVED, Mark.SAME), True),
        ("a", (Mark.SAME, Mark.SAME), False),
    ]


def test_lines_are_beside_each_other() -> None:
    rows, is_aligned = diff_lines(["a", "b", "c", "d"], ["a", "x", "y", "c", "e", "d"])

    assert is_aligned
    assert rows == [
        DiffRow("same", 0, 0),
        DiffRow("changed", 1, 1),
        DiffRow("added", None, 2),
        DiffRow("same", 2, 3),
        DiffRow("added", None, 4),
        DiffRow("same", 3, 5),
    ]


@pytest.mark.parametrize(
    ("before", "after"), [([], []), (["a"], []), ([], ["a"]), (["a"], ["a"]), (["a", "a"], ["a"])]
)
def test_every_line_of_both_is_there_once(before: list[str], after: list[str]) -> None:
    rows, _ = diff_lines(before, after)

    assert [row.left for row in rows if row.left is not None] == list(range(len(before)))
    assert [row.right for row in rows if row.right is not None] == list(range(len(after)))


def test_random_texts_come_back_from_their_rows() -> None:
    rng = random.Random(7)
    for _ in range(200):
        before, after = ([rng.choice("abc") for _ in range(rng.randrange(12))] for _ in range(2))
        rows, _aligned = diff_lines(before, after)
        assert [before[row.left] for row in rows if row.left is not None] == before
        assert [after[row.right] for row in rows if row.right is not None] == after
        for row in rows:
            if row.kind == "same" and row.left is not None and row.right is not None:
                assert before[row.left] == after[row.right]


@pytest.mark.parametrize("alphabet", [1, 3, 400])
def test_texts_made_to_be_slow_take_little_time(alphabet: int) -> None:
    rng = random.Random(1)
    before, after = ([str(rng.randrange(alphabet)) for _ in range(MOST_ALIGNED)] for _ in range(2))

    began = time.process_time()
    diff_lines(["x", *before], ["y", *after])
    assert time.process_time() - began < 5


def test_too_much_is_not_lined_up() -> None:
    before, after = [f"a{n}" for n in range(MOST_ALIGNED + 1)], ["b"]

    rows, is_aligned = diff_lines(["head", *before, "tail"], ["head", *after, "tail"])
    assert not is_aligned
    assert [row.kind for row in rows[:3]] == ["same", "changed", "removed"]
    assert rows[-1] == DiffRow("same", MOST_ALIGNED + 2, 2)


def test_what_is_the_same_is_folded_but_around_changes() -> None:
    before = [str(n) for n in range(30)]
    after = [*before[:15], "new", *before[15:]]

    kinds = [(row.kind, row.count) for row in folded(diff_lines(before, after)[0])]
    same = ("same", 0)
    assert kinds == [("gap", 12), same, same, same, ("added", 0), same, same, same, ("gap", 12)]
    assert folded([DiffRow("same", 0, 0)]) == [DiffRow("same", 0, 0)]
