"""Config and summary as people write them down: a line for each key, or JSON."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import Invalid
from apps.web.by_hand.typed import read_value

LONGEST_TEXT = 1_000_000
LONGEST_KEY = 1_000
_LINE = re.compile(r"\s*([^=:\s](?:[^=:]*[^=:\s])?)\s*[=:](.*)", re.DOTALL)


def read_pairs(text: str) -> dict[str, Any]:
    """What `key = value` lines, or one JSON object, say. Invalid names the line that says nothing."""
    text = text.strip()
    if len(text) > LONGEST_TEXT:
        raise Invalid(_("This has at most %(n)d letters.") % {"n": LONGEST_TEXT})
    return _from_json(text) if text.startswith("{") else _from_lines(text)


def check_key(key: str) -> None:
    if len(key) > LONGEST_KEY:
        raise Invalid(_("A key has at most %(n)d letters.") % {"n": LONGEST_KEY})


def _from_json(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = jsontext.loads(text)
    except Invalid:
        raise Invalid(_("This begins like JSON but is not complete JSON.")) from None
    for key in found:
        check_key(key)
    return found


def _from_lines(text: str) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise Invalid(_("Line %(n)d has no = between a key and its value.") % {"n": number})
        key = found[1]
        check_key(key)
        if key in pairs:
            raise Invalid(_("Line %(n)d names a key that an earlier line has.") % {"n": number})
        pairs[key] = read_value(found[2])
    return pairs
