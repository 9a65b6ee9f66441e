"""Log lines carry times, levels, routes and ids. Values stay out, also those inside exceptions."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType
from typing import Literal


class NoContent(logging.Filter):
    """Drops the arguments that libraries attach and that hold a request or a body."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name in ("request", "sql", "params"):
            if hasattr(record, name):
                delattr(record, name)
        return True


class LineFormatter(logging.Formatter):
    """One line a record; of an exception only its type and the places it passed through.

    An exception's own text may quote content (a parser quotes what it could not parse), so it is left out.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatException(  # noqa: N802  (the name is logging's)
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        kind, _, trace = ei
        places = (f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace))
        return f"{kind.__name__ if kind else 'error'} at " + " > ".join(places)

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  (the name is logging's)
        return ""

    def usesTime(self) -> Literal[True]:  # noqa: N802  (the name is logging's)
        return True
