"""How much there is of something, for whoever it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of something: things, bytes as they are stored, and when the first of them came."""

    count: int = 0
    stored_bytes: int = 0
    since: datetime | None = None

    def __add__(self, other: Amount) -> Amount:
        moments = [each.since for each in (self, other) if each.since is not None]
        return Amount(
            self.count + other.count, self.stored_bytes + other.stored_bytes, min(moments, default=None)
        )
