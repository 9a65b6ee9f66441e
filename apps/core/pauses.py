"""Work that needs what cannot be had now (a store, the keys, the database) waits, and asks again: at first soon, then later and later."""

from __future__ import annotations

from datetime import timedelta

from django.db import InterfaceError, OperationalError

from apps.core.errors import Unavailable

# A store, the keys, the database, and the disk itself.
AWAY = (Unavailable, OperationalError, InterfaceError, OSError)
_FIRST, _LONGEST = timedelta(seconds=30), timedelta(minutes=15)


def next_pause(last: timedelta | None) -> timedelta:
    """Twice as long as it waited last, or was tried since; None where it did not wait before."""
    return _FIRST if last is None else max(_FIRST, min(2 * last, _LONGEST))
