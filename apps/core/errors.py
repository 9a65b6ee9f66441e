"""The few errors that services raise. Each door translates them once.

A message speaks to whoever sent the request and never quotes content it did not send.
"""

from __future__ import annotations


class OwnlogError(Exception):
    """The base of all errors below; `code` is stable and may be shown by an API."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def public_message(self) -> str:
        """What whoever asked is told; an error whose message is for the operator says something else here."""
        return self.message


class NotFound(OwnlogError):
    """There is no such thing, or the asker may not know that there is."""

    code = "not_found"


class NotThere(NotFound):
    """Where a file is brought from it is named, and is not. That keeps nobody from the others."""


class Forbidden(OwnlogError):
    """The asker may see the thing but not do this with it."""

    code = "forbidden"


class Suspended(Forbidden):
    """The operators have closed it; its own people are told."""

    code = "suspended"


class Conflict(OwnlogError):
    """The thing exists already, or is in a state in which this cannot be done."""

    code = "conflict"


class Changed(Conflict):
    """Somebody changed the thing since the sender last saw it."""

    code = "changed"


class Invalid(OwnlogError):
    """What was sent cannot be used as it is."""

    code = "invalid"


class TooMuch(OwnlogError):
    """Larger or more than this instance takes at once."""

    code = "too_much"


class Erased(OwnlogError):
    """It was here and has been erased. Told only to those who could read it."""

    code = "erased"


class Unavailable(OwnlogError):
    """It cannot be done now but may be soon; the sender keeps its data and tries again."""

    code = "unavailable"
