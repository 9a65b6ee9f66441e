"""How often a process looks for garbage in circles."""

from __future__ import annotations

import atexit
import gc

# A request of some hundred lines makes thousands of rows that no circle holds. With Python's own 700 the collector
# looks through all of them again and again: at compaction it took as long as the work.
_NEW_OBJECTS = 10_000
# While modules are loaded nearly all that is new stays.
_WHILE_LOADING = 50_000


def look_hardly() -> None:
    """Called before all is loaded. Commands leave it at that; servers `look_rarely` then.

    Nor is there a last look when the process ends: the system takes all of it back at once, and files and connections
    were closed by whoever opened them. Both together took a quarter of a second of each command.
    """
    gc.set_threshold(_WHILE_LOADING, 10, 10)
    atexit.register(_look_no_more)


def _look_no_more() -> None:
    gc.disable()
    gc.freeze()


def look_rarely() -> None:
    """Called once all is loaded.

    What stands by then stays: the collector need not walk over it again at each full collection, which took a tenth of a
    second in the middle of somebody's request.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
