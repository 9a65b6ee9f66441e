"""The time zones that people may choose among."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, tzinfo
from functools import cache

# Those of places, as people know them: not the older names, nor zones that count their hours the other way round.
_REGIONS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip


@cache
def known_zones() -> frozenset[str]:
    """Their names. Few or none where the machine has no list of zones."""
    return frozenset(name for name in zoneinfo.available_timezones() if name.partition("/")[0] in _REGIONS)


def zone_called(name: str) -> tzinfo:
    """The zone of this name, as a person chose it; UTC when this machine does not know it any more."""
    return zoneinfo.ZoneInfo(name) if name in known_zones() else UTC
