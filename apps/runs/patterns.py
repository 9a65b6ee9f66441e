"""Regular expressions that people write: RE2, which takes linear time whatever the pattern, and so much of it and no more.

Of a thousand letters a pattern can be made that takes half a second for one text: linear, and a thousand times over it holds
a thread of the server for as long as somebody likes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from apps.core.errors import Invalid

LONGEST_PATTERN = 1_000
_PATTERN_BYTES = 1 << 20
T = TypeVar("T")


class Patience:
    """How much of a processor's time may go into the patterns of one question."""

    def __init__(self, seconds: float = 2.0) -> None:
        self._left = seconds

    def within(self, act: Callable[[], T]) -> T:
        """What `act` gives; Invalid once all of them have taken too long."""
        began = time.thread_time()
        found = act()
        self._left -= time.thread_time() - began
        if self._left < 0:
            raise Invalid(
                _("To search for this takes too long. Use a simpler regular expression, or fewer of them.")
            )
        return found


class Pattern:
    """A pattern and the patience with it."""

    def __init__(self, regex: Any, patience: Patience) -> None:
        self._regex, self._patience = regex, patience

    def search(self, data: bytes) -> Any:
        return self._patience.within(lambda: self._regex.search(data))

    def finditer(self, data: bytes) -> Iterator[Any]:
        matches = iter(self._regex.finditer(data))
        while (match := self._patience.within(lambda: next(matches, None))) is not None:
            yield match


def compile_pattern(pattern: str, options: str = "", *, patience: Patience | None = None) -> Pattern:
    """The pattern for bytes in UTF-8, with options of i, m, s. Invalid when RE2 does not understand it, and where it is searched
    for longer than the patience lasts, which several patterns may share.
    """
    import re2

    patience = patience or Patience()

    if len(pattern) > LONGEST_PATTERN:
        raise Invalid(_("A regular expression is at most %(n)d letters long.") % {"n": LONGEST_PATTERN})
    settings = re2.Options()
    settings.log_errors = False  # it would write the pattern, which is content, to the log
    settings.max_mem = _PATTERN_BYTES
    try:
        data = to_bytes(f"(?{options}){pattern}" if options else pattern)
        return Pattern(patience.within(lambda: re2.compile(data, settings)), patience)
    except re2.error:
        raise Invalid(
            _("“%(pattern)s” is no regular expression that RE2 understands.") % {"pattern": pattern[:100]}
        ) from None


def escaped(text: str) -> str:
    """A pattern that means these letters and nothing else."""
    import re2

    found: str = re2.escape(text)
    return found


def to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
