"""Regular expressions that people write: RE2, which takes linear time whatever the pattern."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import Invalid

LONGEST_PATTERN = 1_000
_PATTERN_BYTES = 1 << 20


def compile_pattern(pattern: str, options: str = "") -> Any:
    """The pattern for bytes in UTF-8, with options of i, m, s. Invalid when RE2 does not understand it."""
    import re2

    if len(pattern) > LONGEST_PATTERN:
        raise Invalid(_("A regular expression is at most %(n)d letters long.") % {"n": LONGEST_PATTERN})
    settings = re2.Options()
    settings.log_errors = False  # it would write the pattern, which is content, to the log
    settings.max_mem = _PATTERN_BYTES
    try:
        return re2.compile(to_bytes(f"(?{options}){pattern}" if options else pattern), settings)
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
