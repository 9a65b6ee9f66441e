"""That one worker is at an import, and no other: who has not said a word for a while is taken for dead, and another one goes on.

They may have been slow, and not dead. So each word moves the moment that is noted, and asks whether it is the one that was noted last:
whoever finds another one there has lost the import, and stops.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.core import clock, pauses
from apps.core.errors import Conflict
from apps.imports.models import Import
from apps.imports.types import ImportState

LEASE = timedelta(minutes=2)
_WORD_SECONDS = 10.0


def nobody_at_it() -> Q:
    return pauses.is_over("busy_until", clock.now(), longest=2 * LEASE)


def waits_for_nothing() -> Q:
    return pauses.is_over("waits_until", clock.now(), longest=2 * pauses.LONGEST)


class Lost(Conflict):
    """It was given up meanwhile, or another worker took it over. Not a reason to give it up."""

    def __init__(self) -> None:
        super().__init__(_("This import was given up, or somebody else goes on with it."))


class TurnOver(Exception):
    """Others wait: the rest is for the next turn. Not a try: what it is at may only be long."""


@dataclass(slots=True)
class Held:
    """One worker's claim. `until` is also what tells it from every other claim: one is taken over past that moment only."""

    import_id: int
    until: datetime
    was_taken_over: bool  # whoever had it before let go by not saying a word
    _said_at: float = 0.0

    def rows(self) -> QuerySet[Import]:
        """The import, while it is held by this claim; nothing otherwise."""
        return Import.objects.filter(
            pk=self.import_id, state=ImportState.RUNNING.value, busy_until=self.until
        )

    def lock(self) -> None:
        """Until the transaction ends nobody takes it over, gives it up or finishes it. Lost where it is not ours any more."""
        if self.rows().select_for_update(no_key=True).first() is None:
            raise Lost

    def is_held(self) -> bool:
        return self.rows().exists()

    def say(self) -> None:
        """Somebody is at it. As often as one likes: it is noted once in a while. Lost where it is not ours any more."""
        now = time.monotonic()
        if now - self._said_at < _WORD_SECONDS:
            return
        until = clock.now() + LEASE
        if not self.rows().update(busy_until=until):
            raise Lost
        self.until, self._said_at = until, now

    def said_with(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """The same bytes: while those of a large file come, somebody is at it."""
        for part in parts:
            self.say()
            yield part
