from __future__ import annotations

import re

from apps.api.errors import NoSuchPart

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def wanted(header: str, size: int) -> tuple[int, int]:
    """The asked part as start and end; the whole for no range, or for one in a form not served here."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return 0, size
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise NoSuchPart(size)
    return start, end
