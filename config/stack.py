"""Room for the frames of deep calls, taken once.

CPython keeps a thread's frames in chunks of 16 KiB that it asks of the system one by one, and gives the last one back
as soon as no frame is in it. Where a loop happens to stand at the end of a chunk, each call in it asks for a chunk and
gives it back: with Django's and GraphQL's depth that was two thirds of the time of some requests (docs/adr/0061).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# Of 8 bytes. A frame of so many is given a chunk of twice their size, and what is called stands in the other half:
# more than Python's deepest recursion takes. It is address space; memory is what was stood on.
_SLOTS = 2**16


def with_room(act: Callable[P, R]) -> Callable[P, R]:
    """The same, called from a frame that brings room for the frames of everything it calls."""

    def roomy(*args: P.args, **kwargs: P.kwargs) -> R:
        return act(*args, **kwargs)

    roomy.__code__ = roomy.__code__.replace(co_stacksize=_SLOTS)
    return roomy
