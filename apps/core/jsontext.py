"""JSON as the wandb client writes it: NaN, infinities and integers of any size are allowed.

orjson is fast but refuses NaN and Infinity and rounds what does not fit 64 bits, so whatever it
refuses, or could have rounded, goes to the standard library's parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import orjson
from django.utils.translation import gettext as _

from apps.core.errors import Invalid

MOST_DEPTH = 100
_LONG = 64 * 1024
# Nineteen digits and more may exceed 64 bits; orjson turns such integers into floats without a word.
_MANY_DIGITS = b"0" * 19
_DIGITS_AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_DIGITS = re.compile(rb"[0-9]+")


def loads(source: str | bytes) -> Any:
    """The value that `source` spells. Raises Invalid when it is not JSON or nested too deeply."""
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    value = _loads_slowly(data) if has_long_integer(data) else _loads_fast(data)
    if _may_be_deep(data) and _is_deep(value):
        raise Invalid(_("JSON is nested deeper than %(n)d levels.") % {"n": MOST_DEPTH})
    return value


def values_in(data: bytes) -> int:
    """At least as many values as `data` holds: each of them takes tens of bytes once it is read, however short it is written."""
    return data.count(b",") + data.count(b"[") + data.count(b"{") + 1


def _may_be_deep(data: bytes) -> bool:
    """Few texts have brackets enough. Those of a long one take longer to count than its levels to look at: most are texts in it."""
    return len(data) > _LONG or data.count(b"[") + data.count(b"{") > MOST_DEPTH


def has_long_integer(data: bytes) -> bool:
    """Whether an integer of nineteen digits or more may stand in it, which orjson could round.

    Every text comes through here, so the fast find of bytes looks for digits; a regular expression takes ten times as long.
    """
    zeros = data.translate(_DIGITS_AS_ZEROS)
    start = zeros.find(_MANY_DIGITS)
    while start != -1:
        end = _end_of_digits(data, start)
        # Digits of a fraction are many where the number is small: they are no integer.
        if data[start - 1 : start] != b"." and data[end : end + 1] not in (b".", b"e", b"E"):
            return True
        start = zeros.find(_MANY_DIGITS, end)
    return False


def _end_of_digits(data: bytes, start: int) -> int:
    found = _DIGITS.match(data, start)
    return found.end() if found else start


def _loads_fast(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _loads_slowly(data)


def _loads_slowly(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8", "surrogatepass"))
    except RecursionError:
        raise Invalid(_("JSON is nested deeper than %(n)d levels.") % {"n": MOST_DEPTH}) from None
    except ValueError:
        raise Invalid(_("This is not JSON.")) from None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _level in range(MOST_DEPTH):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def dumps(value: Any) -> str:
    """Compact JSON text. NaN, Infinity and large integers are written as Python's json writes them."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only the escaped form can carry
        return json.dumps(value, separators=(",", ":"))
    return text
