"""Lists with a damaged row in them: an error by default; a page rather shows the others and says what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from apps.vault.errors import Tampered

_left_out: ContextVar[list[Tampered] | None] = ContextVar("ownlog_damaged_rows", default=None)


@contextmanager
def leaving_out_damaged() -> Iterator[list[Tampered]]:
    """Inside this block lists leave out the rows that do not open and note why, once for each object, in what is yielded."""
    found: list[Tampered] = []
    token = _left_out.set(found)
    try:
        yield found
    finally:
        _left_out.reset(token)


def leave_out(error: Tampered) -> None:
    """Called for a row of a list that does not open: raises, unless the caller wants the list without it."""
    found = _left_out.get()
    if found is None:
        raise error
    if all((known.label, known.row) != (error.label, error.row) for known in found):
        found.append(error)
