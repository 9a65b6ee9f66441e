"""docs/promises.md: each promise has a place in the code that exists and, when it is kept, a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Promise(NamedTuple):
    id: str
    words: str
    places: list[str]
    state: str


def promises() -> list[Promise]:
    rows = re.findall(
        r"^\| (P-\d\d) \| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "docs/promises.md").read_text(), re.MULTILINE
    )
    return [
        Promise(number, words, re.findall(r"`([^`]+)`", places), state)
        for number, words, places, state in rows
    ]


def marked() -> set[str]:
    """The promises that tests say they hold."""
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    return {number for source in sources for number in re.findall(r"mark\.promise\(\"(P-\d\d)\"\)", source)}


def test_ids_are_in_order_and_each_there_once() -> None:
    numbers = [promise.id for promise in promises()]

    assert numbers == sorted(set(numbers))
    assert {f"P-{n:02}" for n in range(1, 15)} <= set(numbers)
    rows = [line for line in (ROOT / "docs/promises.md").read_text().splitlines() if line.startswith("| P-")]
    assert len(numbers) == len(rows)


def test_each_promise_has_a_place_that_exists() -> None:
    assert [promise.id for promise in promises() if not promise.places] == []
    missing = [place for promise in promises() for place in promise.places if not (ROOT / place).exists()]
    assert missing == []


def test_each_promise_says_how_far_it_is_kept() -> None:
    assert {re.split(":|$", promise.state)[0] for promise in promises()} <= {"kept", "in part", "not yet"}


def test_each_promise_that_is_kept_has_a_test() -> None:
    assert {promise.id for promise in promises() if promise.state.startswith("kept")} - marked() == set()


def test_each_marked_test_holds_a_promise_that_is_written_down() -> None:
    assert marked() - {promise.id for promise in promises()} == set()
