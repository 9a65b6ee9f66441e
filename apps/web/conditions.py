"""The filter bar: one condition in words becomes one condition of the client's own filter language."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.runs.table import KnownKeys

MOST_CONDITIONS = 20
LONGEST_CONDITION = 500
MOST_COMPLETIONS = 400
_CONDITION = re.compile(
    r"(?P<key>[^<>=!~]+?)\s*(?P<sign>>=|<=|!=|=|>|<|~|(?<=\s)in(?=\s))\s*(?P<value>.+)", re.DOTALL
)
# Numbers as people type them where JSON wants more digits.
_SHORT_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_SIGNS = {"=": "$eq", "!=": "$ne", ">": "$gt", ">=": "$gte", "<": "$lt", "<=": "$lte"}
_NAMES = {
    "commit": "commit",
    "created": "created_at",
    "group": "group",
    "id": "name",
    "job": "job_type",
    "name": "display_name",
    "notes": "notes",
    "runtime": "duration",
    "state": "state",
    "sweep": "sweep",
    "tag": "tags",
    "tags": "tags",
    "user": "username",
}
# What a bare word is looked for in.
_SEARCHED = ("display_name", "name", "tags", "notes")
_WORDS = {"tags": "tag", "job_type": "job", "username": "user"}
_OWN_PREFIXES = ("config.", "summary_metrics.")


@dataclass(frozen=True, slots=True)
class Condition:
    """What was typed, what it means, and, when it means nothing, why."""

    text: str
    meaning: dict[str, Any] | None
    reason: str = ""


def read_conditions(texts: Iterable[str]) -> list[Condition]:
    """Each condition once, in the order typed; those that mean nothing carry the reason."""
    kept = dict.fromkeys(text.strip() for text in texts if text.strip())
    return [_read(text) for text in list(kept)[:MOST_CONDITIONS]]


def as_filter(conditions: Iterable[Condition]) -> str | None:
    """All that mean something, joined, as the client would send them."""
    meanings = [condition.meaning for condition in conditions if condition.meaning is not None]
    return json.dumps({"$and": meanings}) if meanings else None


def equals(key: str, value: str) -> str:
    """The condition that lists the runs with exactly this text, whatever it looks like."""
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def completions(keys: KnownKeys) -> list[str]:
    """What the filter bar offers while one types: what every run has, what these runs have, and whole conditions with
    the values that they have."""
    own = [name for name in _NAMES if name != "tags"]
    names = [*own, *keys.summary, *(f"config.{key}" for key in keys.config)]
    found = [each for each in names if not each.startswith("_")][:MOST_COMPLETIONS]
    values = [
        f"{_WORDS.get(key, key)} = {_typed(value)}" for key, known in keys.values.items() for value in known
    ]
    return found + values[:MOST_COMPLETIONS]


def _typed(value: str) -> str:
    """The value as it must be typed to be read as the text that it is."""
    return value if _value(value) == value else json.dumps(value, ensure_ascii=False)


def _read(text: str) -> Condition:
    if len(text) > LONGEST_CONDITION:
        return Condition(
            text[:60], None, _("A condition has at most %(n)d letters.") % {"n": LONGEST_CONDITION}
        )
    if text.startswith("{"):
        return _from_json(text)
    found = _CONDITION.fullmatch(text)
    if found is None:
        return Condition(text, {"$or": [{name: {"$regex": f"(?i){re.escape(text)}"}} for name in _SEARCHED]})
    if found["value"].lstrip()[0] in "<>=!~":
        return Condition(text, None, _("One of = != > >= < <= ~ stands between a name and a value."))
    key = _key(found["key"].strip())
    sign, value = found["sign"], found["value"].strip()
    if sign == "in":
        test: dict[str, Any] = {"$in": [_value(each) for each in value.split(",") if each.strip()]}
    elif sign == "~":
        test = {"$regex": f"(?i){_pattern(value)}"}
    else:
        test = {_SIGNS[sign]: _value(value)}
    return Condition(text, _holds(key, test))


def _holds(key: str, test: dict[str, Any]) -> dict[str, Any]:
    """A name as columns are titled by it may be one of the summary or one of the config."""
    if key in _NAMES.values() or key.startswith(_OWN_PREFIXES):
        return {key: test}
    return {"$and" if "$ne" in test else "$or": [{f"{prefix}{key}": test} for prefix in _OWN_PREFIXES]}


def _pattern(value: str) -> str:
    """Letters that stand somewhere in the text, or between slashes a regular expression."""
    return value[1:-1] if len(value) > 2 and value[0] == value[-1] == "/" else re.escape(value)


def _from_json(text: str) -> Condition:
    try:
        meaning = json.loads(text)
    except ValueError:
        return Condition(text, None, _("This begins like the client’s own filter but is not complete JSON."))
    return Condition(text, meaning)


def _key(typed: str) -> str:
    if typed.lower() in _NAMES:
        return _NAMES[typed.lower()]
    if typed.startswith("summary."):
        return f"summary_metrics.{typed.removeprefix('summary.')}"
    return typed


def _value(typed: str) -> Any:
    typed = typed.strip()
    try:
        value = json.loads(typed)
    except ValueError:
        return float(typed) if _SHORT_NUMBER.fullmatch(typed) else typed
    return typed if isinstance(value, dict | list) else value
