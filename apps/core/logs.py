"""Log lines carry times, levels, routes and ids. Values stay out, also those inside exceptions."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Literal


class NoContent(logging.Filter):
    """Drops what libraries attach that holds a request or a body, and names the route where Django names the path."""

    def filter(self, record: logging.LogRecord) -> bool:
        if hasattr(record, "request") and isinstance(record.args, tuple):
            record.args = tuple(_without_address(argument, record.request) for argument in record.args)
        for name in ("request", "sql", "params"):
            if hasattr(record, name):
                delattr(record, name)
        return True


class LineFormatter(logging.Formatter):
    """One line a record; of an exception only its type and the places it passed through.

    An exception's own text may quote content (a parser quotes what it could not parse), so it is left out,
    also where a library (Celery, Django) has put it into its message.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        plain = logging.makeLogRecord(record.__dict__)
        plain.exc_text = None  # another formatter may have left the full text here
        plain.args = _without_exceptions(record.args)
        plain.msg, plain.args = _one_line(_without_text_of(_raised(record), plain.getMessage())), None
        return super().format(plain)

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


def _without_address(argument: object, request: Any) -> object:
    """A path holds names that people gave; a refused form's reason quotes the page it came from after a dash."""
    if not isinstance(argument, str):
        return argument
    if argument in {request.path, request.path_info, request.get_full_path()}:
        return request.resolver_match.view_name if request.resolver_match else "none"
    return argument.partition(" - ")[0]


def _without_exceptions(arguments: Any) -> Any:
    if isinstance(arguments, dict):
        return {name: _type_of_exception(value) for name, value in arguments.items()}
    return tuple(map(_type_of_exception, arguments)) if isinstance(arguments, tuple) else arguments


def _type_of_exception(value: object) -> object:
    return type(value).__name__ if isinstance(value, BaseException) else value


def _raised(record: logging.LogRecord) -> Iterator[BaseException]:
    """The record's exception and those behind it."""
    error = record.exc_info[1] if record.exc_info else None
    seen = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def _without_text_of(errors: Iterator[BaseException], message: str) -> str:
    for error in errors:
        for text in (repr(error), str(error)):
            if text:
                message = message.replace(text, type(error).__name__)
    return message


def _one_line(message: str) -> str:
    return " ".join(message.splitlines())
