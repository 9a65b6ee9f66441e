"""Work that needs what cannot be had now (a store, the keys, the database) waits, and asks again: at first soon, then later and later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import InterfaceError, OperationalError, connections
from django.db.models import Case, F, Q, Value, When

from apps.core.errors import Unavailable

# A store, the keys, the database, and the disk itself.
AWAY = (Unavailable, OperationalError, InterfaceError, OSError)
_FIRST, LONGEST = timedelta(seconds=30), timedelta(minutes=15)
_SHORT = timedelta(minutes=5)
_PATIENCE, MOST_UNREAD = timedelta(hours=1), 20
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def next_pause(last: timedelta | None) -> timedelta:
    """Twice as long as it waited last, or was tried since; None where it did not wait before."""
    return _FIRST if last is None else max(_FIRST, min(2 * last, LONGEST))


def next_short_pause(last: timedelta | None) -> timedelta:
    """For one thing alone that cannot be read: whether it comes back is known soon."""
    return min(next_pause(last), _SHORT)


def is_lost(since: datetime | None, tries: int, now: datetime, *, most: int = MOST_UNREAD) -> bool:
    """Whether what cannot be read since then, though all else can, is taken for damaged. A clock that was set back is no reason to wait
    for longer."""
    return since is not None and tries >= most and not since <= now < since + _PATIENCE


def is_over(field: str, now: datetime, *, longest: timedelta) -> Q:
    """Rows whose claim, or pause, is over. One that is longer than any could be was noted before the clock was set back."""
    return Q((field, None)) | Q((f"{field}__lte", now)) | Q((f"{field}__gt", now + longest))


def by_turn(now: datetime, *, longest: timedelta) -> Case:
    """Whose turn it is: those first that wait longest. A turn that is further ahead than any could be was noted before the clock was set
    back; without this it were nobody's until then."""
    return Case(When(turn_at__gt=now + longest, then=Value(_LONG_AGO)), default=F("turn_at"))


def reconnect() -> None:
    """Before it is noted that somebody waits: a connection that was lost stays so, and the next statement needs another one. One within a
    transaction is left as it is."""
    for each in connections.all(initialized_only=True):
        if not each.in_atomic_block:
            each.close_if_unusable_or_obsolete()
