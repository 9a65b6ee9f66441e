"""That one worker is at an export, and no other: who has not said a word for a while is taken for dead, and another one goes on.

They may have been slow, and not dead (ADR 0255). So each word moves the moment that is noted, and asks whether it is the one that was
noted last: whoever finds another one there has lost the export, and leaves it as it is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet

from apps.core import clock, pauses
from apps.exports.models import Export
from apps.exports.types import UNDER_WAY

LEASE = timedelta(minutes=2)
_WORD_SECONDS = 10.0


class Lost(Exception):
    """It was erased meanwhile, or another worker took it over: there is nothing to go on with."""


@dataclass(slots=True)
class Held:
    """One worker's claim. `until` is also what tells it from every other claim: one is taken over past that moment only."""

    export_id: int
    until: datetime
    _said_at: float = field(default_factory=time.monotonic)

    def rows(self) -> QuerySet[Export]:
        """The export, while it is held by this claim; nothing otherwise."""
        return Export.objects.filter(pk=self.export_id, state__in=UNDER_WAY, busy_until=self.until)

    def say(self) -> None:
        """Somebody is at it. As often as one likes: it is noted once in a while. Lost where it is not ours any more."""
        if time.monotonic() - self._said_at < _WORD_SECONDS:
            return
        until = clock.now() + LEASE
        if not self.rows().update(busy_until=until):
            raise Lost
        self.said(until)

    def said(self, until: datetime) -> None:
        """The row says this moment by now."""
        self.until, self._said_at = until, time.monotonic()

    def locked(self, *, or_where: Q | None = None) -> Export:
        """The export, held by its row. Lost where it is not ours any more, unless this is true of it."""
        ours = Q(state__in=UNDER_WAY, busy_until=self.until)
        rows = Export.objects.filter(ours | or_where if or_where else ours, pk=self.export_id)
        if (found := rows.select_for_update(no_key=True).first()) is None:
            raise Lost
        return found


def waiting() -> QuerySet[Export]:
    """Exports that no worker is at, and that wait for nothing."""
    now = clock.now()
    nobody = pauses.is_over("busy_until", now, longest=2 * LEASE)
    nothing = pauses.is_over("waits_until", now, longest=2 * pauses.LONGEST)
    return Export.objects.filter(nobody, nothing, state__in=UNDER_WAY)


def claim(export_id: int) -> Held | None:
    """Nobody else is at it for a while; None where somebody is, or there is nothing to be done."""
    until = clock.now() + LEASE
    # Tries are counted before, so that one that kills its worker comes to an end too.
    if not waiting().filter(pk=export_id).update(busy_until=until, waits_until=None, tries=F("tries") + 1):
        return None
    return Held(export_id, until)
