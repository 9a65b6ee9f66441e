"""Where a run of the suite asks a part of what there is: which part, so that each has its turn within some days."""

from __future__ import annotations

import os
from datetime import UTC, datetime

# Whoever looks for what another day's run has found names its number; conftest.py prints it.
TURN = "OWNLOG_TURN"


def today() -> int:
    return int(os.environ.get(TURN) or datetime.now(UTC).toordinal())


def turn(parts: int) -> int:
    """One of 0, 1, … below `parts`, each on its day."""
    return today() % parts
