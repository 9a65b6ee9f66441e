"""Calls that cost a page each at an unlucky depth, and none with room for their frames."""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import Callable

import pytest

from config.stack import with_room

_CALLS, _DEPTH = 500, 150
pytestmark = pytest.mark.skipif(
    not hasattr(resource, "RUSAGE_THREAD"), reason="the system counts no pages of a thread"
)


def _nothing() -> None:
    """What a hot loop calls."""


def _most_pages(depth: int) -> int:
    """How many new pages a loop of calls was given, at the unluckiest of the depths from here down."""
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    for _ in range(_CALLS):
        _nothing()
    taken = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before
    return max(taken, _most_pages(depth - 1)) if depth else taken


def _in_a_thread(act: Callable[[int], int]) -> int:
    """As a web server calls: from a thread that has nothing on its stack."""
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(act(_DEPTH)))
    thread.start()
    thread.join()
    return found[0]


def test_a_loop_of_calls_asks_the_system_for_nothing_at_any_depth() -> None:
    assert _in_a_thread(with_room(_most_pages)) < _CALLS / 10


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="a later Python may keep the chunk by itself")
def test_without_room_it_asks_at_each_call() -> None:
    assert _in_a_thread(_most_pages) >= _CALLS


def test_what_is_called_gets_and_gives_what_it_would() -> None:
    assert with_room(lambda a, *, b: (a, b))(1, b=2) == (1, 2)
