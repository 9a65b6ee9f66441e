"""JSON as the wandb client writes it: NaN, infinities and integers of any size are allowed.

orjson is fast but refuses NaN and Infinity and rounds what does not fit 64 bits, so whatever it
refuses, or could have rounded, goes to the standard library's parser.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from apps.core.errors import Invalid

MOST_DEPTH = 100
# Nineteen digits and more may exceed 64 bits; orjson turns such integers into floats without a word.
_MANY_DIGITS = re.compile(rb"[0-9]{19}")
_LONG_INTEGER = re.compile(rb"(?<![.0-9])[0-9]{19,}(?![.0-9eE])")


def loads(source: str | bytes) -> Any:
    """The value that `source` spells. Raises Invalid when it is not JSON or nested too deeply."""
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    if not (_MANY_DIGITS.search(data) and _LONG_INTEGER.search(data)):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
    return _loads_slowly(data)


def _loads_slowly(data: bytes) -> Any:
    if _depth(data) > MOST_DEPTH:
        raise Invalid(f"JSON is nested deeper than {MOST_DEPTH} levels.")
    try:
        return json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise Invalid("This is not JSON.") from None


def _depth(data: bytes) -> int:
    """The deepest nesting of brackets outside strings."""
    deepest = depth = 0
    in_string = False
    for token in re.finditer(rb'\\.|["\[\]{}]', data):
        mark = token.group()
        if mark == b'"':
            in_string = not in_string
        elif not in_string and mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif not in_string and mark in b"]}":
            depth -= 1
    return deepest


def dumps(value: Any) -> str:
    """Compact JSON text. NaN, Infinity and large integers are written as Python's json writes them."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only the escaped form can carry
        return json.dumps(value, separators=(",", ":"))
    return text
