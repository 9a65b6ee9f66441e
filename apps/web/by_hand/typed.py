"""What people type, as the value that they mean."""

from __future__ import annotations

import math
import re
from typing import Any

from apps.core import jsontext
from apps.core.errors import Invalid

_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,9})?")
_WORDS: dict[str, Any] = {
    "nan": math.nan,
    "inf": math.inf,
    "+inf": math.inf,
    "-inf": -math.inf,
    "infinity": math.inf,
    "-infinity": -math.inf,
    "true": True,
    "false": False,
    "null": None,
}


def read_value(typed: str) -> Any:
    """A number, nan, inf, true, false, null, JSON in quotes or brackets; anything else is text."""
    text = typed.strip()
    # A minus sign as word processors write it.
    plain = text.replace("\N{MINUS SIGN}", "-")
    if _INTEGER.fullmatch(plain):
        return int(plain)
    if _NUMBER.fullmatch(plain):
        return float(plain)
    if plain.lower() in _WORDS:
        return _WORDS[plain.lower()]
    if text[:1] in {'"', "[", "{"}:
        try:
            return jsontext.loads(text)
        except Invalid:
            return text
    return text
