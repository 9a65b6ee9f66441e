"""Records of the client as what they say. The numbers are those of its `wandb_internal.proto`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.core import jsontext
from apps.imports.readers.wandb_offline.wire import Message, double, zigzag

HISTORY, SUMMARY, OUTPUT, CONFIG, STATS, ARTIFACT, METRIC, OUTPUT_RAW = 2, 3, 4, 5, 7, 8, 12, 13
ALERT, RUN, EXIT, USE_ARTIFACT, REQUEST = 10, 17, 18, 25, 100
LOG_ARTIFACT = 13  # among requests
_KEY, _NESTED, _VALUE_JSON = 1, 2, 16
_NONE, _BOOLEAN, _INTEGER, _NUMBER, _TEXT, _JSON = range(3, 9)
_STEP, _NUM = 2, 1
_UPDATE, _REMOVE = 1, 2
_START = datetime(1970, 1, 1, tzinfo=UTC)


def row(record: Message) -> dict[str, Any]:
    """A line of the history, as the client would send it."""
    found: dict[str, Any] = {}
    for item in record.messages(1):
        put(found, path_of(item), value_of(item))
    step = record.bytes_of(_STEP)
    if step and "_step" not in found:
        found["_step"] = Message(step[-1]).integer(_NUM)
    return found


def path_of(item: Message) -> list[str]:
    return item.texts(_NESTED) or [item.text(_KEY)]


def value_of(item: Message) -> Any:
    """Newer clients write plain values as they are, older ones all of them as JSON."""
    for number, value in item.fields():
        if number in (_VALUE_JSON, _JSON):
            return jsontext.loads(value) if isinstance(value, bytes) else None
        if number == _BOOLEAN:
            return bool(value)
        if number == _INTEGER and isinstance(value, int):
            return zigzag(value)
        if number == _NUMBER and isinstance(value, bytes):
            return double(value)
        if number == _TEXT and isinstance(value, bytes):
            return value.decode("utf-8", "replace")
    return None


def put(into: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        below = into.get(key)
        if not isinstance(below, dict):
            below = into[key] = {}
        into = below
    into[path[-1]] = value


def apply(record: Message, to: dict[str, Any]) -> None:
    """What a record changes of a config or a summary."""
    for item in record.messages(_UPDATE):
        put(to, path_of(item), value_of(item))
    for item in record.messages(_REMOVE):
        *above, last = path_of(item)
        below: Any = to
        for key in above:
            below = below.get(key) if isinstance(below, dict) else None
        if isinstance(below, dict):
            below.pop(last, None)


def moment(message: Message) -> datetime | None:
    """A `Timestamp`; nothing where it says none."""
    seconds, nanos = message.integer(1), message.integer(2)
    if not 0 < seconds < 2**35:
        return None
    return _START + timedelta(seconds=seconds, microseconds=nanos // 1000)


def system_row(record: Message, began: datetime) -> dict[str, Any]:
    """A line of system metrics, as the client would send it."""
    at = moment(record.message(2)) or began
    values = {f"system.{item.text(_KEY)}": value_of(item) for item in record.messages(3)}
    return {"_timestamp": at.timestamp(), "_runtime": max(0.0, (at - began).total_seconds()), **values}


def definition(record: Message) -> dict[str, Any]:
    """What `define_metric` said, as it stands in a config: fields by their numbers, switches as the list of those that are on.
    The step metric is named here, and numbered once all are known."""
    found: dict[str, Any] = {"5": record.text(4)} if record.text(4) else {}
    found |= {str(number): record.text(number) for number in (1, 2) if record.text(number)}
    for number in (6, 7):
        if on := [each for each, value in record.message(number).fields() if value]:
            found[str(number)] = on
    if goal := record.integer(8):
        found["8"] = goal
    return found


def definitions(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All of them with step metrics by their places, counted from one. A step metric is in the list, defined or not."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for each in said:
        if "5" in each:
            merged.setdefault((each["5"], ""), {"1": each["5"]})
        key = (each.get("1", ""), each.get("2", ""))
        merged[key] = merged.get(key, {}) | each
    places = {name: place for place, (name, _pattern) in enumerate(merged, 1) if name}
    return [each | {"5": places[each["5"]]} if "5" in each else each for each in merged.values()]


def console_lines(pieces: Iterator[Message]) -> Iterator[str]:
    """What was printed, line by line with the time before it, as the client sends it. Of a line that was written over (a progress
    bar) the last word counts."""
    held: dict[bool, str] = {}
    last: dict[bool, datetime] = {}
    for piece in pieces:
        is_error = not piece.integer(1)
        last[is_error] = moment(piece.message(2)) or last.get(is_error, _START)
        *whole, held[is_error] = (held.get(is_error, "") + piece.text(3)).split("\n")
        for line in whole:
            yield _line(line, last[is_error], is_error=is_error)
    for is_error, line in held.items():
        if line:
            yield _line(line, last[is_error], is_error=is_error)


def _line(text: str, at: datetime, *, is_error: bool) -> str:
    shown = text.rstrip("\r").rpartition("\r")[2]
    return f"{'ERROR ' if is_error else ''}{at:%Y-%m-%dT%H:%M:%S.%f} {shown}"
