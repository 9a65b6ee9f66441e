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
# Nineteen digits and more may exceed 64 bits; orjson turns such integers into floats without a word.
_MANY_DIGITS = re.compile(rb"[0-9]{19}")
_LONG_INTEGER = re.compile(rb"(?<![.0-9])[0-9]{19,}(?![.0-9eE])")


def loads(source: str | bytes) -> Any:
    """The value that `source` spells. Raises Invalid when it is not JSON or nested too deeply."""
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    could_round = _MANY_DIGITS.search(data) and _LONG_INTEGER.search(data)
    value = _loads_slowly(data) if could_round else _loads_fast(data)
    # Few texts have brackets enough to be deep at all.
    if data.count(b"[") + data.count(b"{") > MOST_DEPTH and _is_deep(value):
        raise Invalid(_("JSON is nested deeper than %(n)d levels.") % {"n": MOST_DEPTH})
    return value


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
