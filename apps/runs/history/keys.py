"""The list of what a run logs: each key with its types, count, last value and step.

It is kept as batches come in, so that no reader must look through the history to learn what is there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from apps.core import jsontext
from apps.runs.history.lines import by_shape
from apps.runs.history.paths import MISSING, TYPE_KEY, Path, Row, dotted

MOST_KEYS = 20_000
LONGEST_KEY = 1_000
LONGEST_LAST_TEXT = 256
STEP = "_step"
_STEP_PATH = (STEP,)
_TYPE_NAMES = {
    float: "number",
    int: "number",
    str: "string",
    bool: "boolean",
    type(None): "nil",
    list: "list",
}
_SAFE_INTEGERS = range(-(2**63), 2**64)


@dataclass(slots=True)
class KeyFacts:
    """What is known of one key."""

    types: dict[str, int] = field(default_factory=dict)
    last: Any = MISSING  # of a number, boolean, null or short text; others are too large for a list
    last_step: int | float | None = None

    @property
    def count(self) -> int:
        return sum(self.types.values())


@dataclass(slots=True)
class KeyList:
    """All keys of a run's history by path, in the order of their first appearance."""

    keys: dict[Path, KeyFacts] = field(default_factory=dict)
    last_step: int | float | None = None
    left_out: int = 0  # values of keys beyond what the list holds
    rewinds: int = 0  # tells a live reader that what it has seen may be gone

    def add(self, rows: Sequence[Row]) -> None:
        """Count a batch that follows what was counted."""
        for shaped in by_shape(rows):
            step = _number(rows[shaped.places[-1]].get(STEP))
            for path, kind, values in zip(shaped.paths, shaped.kinds, shaped.columns, strict=True):
                if kind is dict:
                    self._count_objects(path, values)
                    continue
                self._count(path, _TYPE_NAMES[kind], len(values), values[-1], step)
                if path == _STEP_PATH:
                    self._note_steps(values, kind)

    def _count_objects(self, path: Path, objects: Iterable[Any]) -> None:
        for value in objects:
            kind = value.get(TYPE_KEY, "map")
            self._count(path, kind[:64] if isinstance(kind, str) else "map", 1, MISSING, None)

    def _count(self, path: Path, kind: str, count: int, value: Any, step: int | float | None) -> None:
        facts = self.keys.get(path)
        if facts is None:
            if len(self.keys) >= MOST_KEYS or sum(map(len, path)) > LONGEST_KEY:
                self.left_out += count
                return
            facts = self.keys[path] = KeyFacts()
        facts.types[kind] = facts.types.get(kind, 0) + count
        if step is not None and facts.last_step is not None and step < facts.last_step:
            return
        facts.last_step = step
        short = kind != "list" and not (kind == "string" and len(value) > LONGEST_LAST_TEXT)
        facts.last = value if short else MISSING

    def _note_steps(self, values: Sequence[Any], kind: type) -> None:
        # Whole numbers can be compared as they are; the least and the largest tell whether each of them counts.
        if kind is int and min(values) in _SAFE_INTEGERS and max(values) in _SAFE_INTEGERS:
            steps = [max(values)]
        else:
            steps = [step for value in values if (step := _number(value)) is not None]
        self.last_step = max([*steps, *([] if self.last_step is None else [self.last_step])], default=None)

    def paths_named(self, name: str) -> list[Path]:
        """The paths that a dotted name can mean."""
        return [path for path in self.keys if dotted(path) == name]

    def to_text(self) -> bytes:
        keys = [
            [path, facts.types, facts.last_step, *_written(facts.last)] for path, facts in self.keys.items()
        ]
        whole = {
            "last_step": self.last_step,
            "left_out": self.left_out,
            "rewinds": self.rewinds,
            "keys": keys,
        }
        try:
            return orjson.dumps(whole)
        except TypeError:  # half a surrogate pair in a key, or the like
            return jsontext.dumps(whole).encode()

    @classmethod
    def from_text(cls, text: bytes) -> KeyList:
        try:
            whole = orjson.loads(text)
        except orjson.JSONDecodeError:
            whole = jsontext.loads(text)
        found = {
            tuple(path): KeyFacts(types, _read(last), last_step)
            for path, types, last_step, *last in whole["keys"]
        }
        return cls(found, whole["last_step"], whole["left_out"], whole["rewinds"])


def _number(value: Any) -> int | float | None:
    """A step to compare by; NaN orders nothing."""
    if type(value) is int:
        return value if value in _SAFE_INTEGERS else None
    return value if type(value) is float and math.isfinite(value) else None


def _written(last: Any) -> list[Any]:
    """A value as orjson keeps it exactly: what it would turn into null, or refuse, goes as JSON text."""
    if last is MISSING:
        return []
    if isinstance(last, float) and not math.isfinite(last):
        return [jsontext.dumps(last), 1]
    if isinstance(last, int) and last not in _SAFE_INTEGERS:
        return [jsontext.dumps(last), 1]
    return [last]


def _read(last: list[Any]) -> Any:
    if not last:
        return MISSING
    return jsontext.loads(last[0]) if len(last) == 2 else last[0]


def history_keys(keys: KeyList) -> dict[str, Any]:
    """The list as the wandb client asks for it."""
    named: dict[str, Any] = {}
    for path, facts in keys.keys.items():
        entry: dict[str, Any] = {
            "typeCounts": [{"type": kind, "count": n} for kind, n in facts.types.items()]
        }
        if facts.last is not MISSING:
            entry["previousValue"] = facts.last
        named[dotted(path)] = entry
    last_step = keys.last_step if keys.last_step is not None else -1
    return {"keys": named, "lastStep": int(last_step), "sets": []}
