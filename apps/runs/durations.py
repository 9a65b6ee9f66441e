"""How long a run took: by the client's own count, which also holds for what was logged offline and sent later."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeGuard

# What the client counts: to the last logged row, and (in whole seconds) to its end.
_LAST_ROW, _OWN, _TO_THE_END = "_runtime", "_wandb", "runtime"


def counted_seconds(summary: Mapping[str, Any]) -> float | None:
    """The client's count, or None when it sent none that can be used."""
    own = summary.get(_OWN)
    counts = (summary.get(_LAST_ROW), own.get(_TO_THE_END) if isinstance(own, Mapping) else None)
    return max((float(count) for count in counts if _is_count(count)), default=None)


def _is_count(value: Any) -> TypeGuard[float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 0 <= value < 2**40
        and math.isfinite(value)
    )


def duration_seconds(
    summary: Mapping[str, Any], *, created_at: datetime, last_heard_at: datetime, is_running: bool
) -> float:
    """Of an ended run the client's count; of a running one, and where there is no count, the server's clock."""
    on_our_clock = max(0.0, (last_heard_at - created_at).total_seconds())
    counted = counted_seconds(summary)
    return on_our_clock if counted is None or is_running else counted
