"""How often a process looks for garbage in circles."""

from __future__ import annotations

import gc

# A request of some hundred lines makes thousands of rows that no circle holds. With Python's own 700 the collector
# looks through all of them again and again: at compaction it took as long as the work.
_NEW_OBJECTS = 10_000


def look_rarely() -> None:
    """Called once all is loaded.

    What stands by then stays: the collector need not walk over it again at each full collection, which took a tenth of a
    second in the middle of somebody's request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
