"""Pages by an opaque cursor: the place after which the next page begins."""

from __future__ import annotations

import base64
import binascii

from apps.core.errors import Invalid

PAGE_SIZE = 50
MOST_PER_PAGE = 500
_MOST_PLACES = 2**53


def cursor(place: int) -> str:
    return base64.urlsafe_b64encode(f"at:{place}".encode()).decode().rstrip("=")


def place_of(text: str) -> int:
    """Where the page of this cursor begins; the first page without one."""
    if not text:
        return 0
    try:
        padded = text + "=" * (-len(text) % 4)
        word, _, number = base64.b64decode(padded, b"-_", validate=True).decode("ascii").partition(":")
    except (ValueError, binascii.Error):
        word, number = "", ""
    if word != "at" or not number.isdecimal() or len(number) > 16 or int(number) >= _MOST_PLACES:
        raise Invalid("This cursor did not come from here.")
    return int(number)


def next_cursor(start: int, shown: int, total: int) -> str | None:
    """The cursor of the page after one that shows `shown` of `total` from `start` on."""
    end = start + shown
    return cursor(end) if shown and end < total else None
