"""Records of the client as what they say. The numbers are those of its `wandb_internal.proto`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import TooMuch
from apps.imports.errors import Broken
from apps.imports.readers.wandb_offline.wire import Message, double, zigzag

HISTORY, SUMMARY, OUTPUT, CONFIG, STATS, ARTIFACT, METRIC, OUTPUT_RAW = 2, 3, 4, 5, 7, 8, 12, 13
ALERT, RUN, EXIT, USE_ARTIFACT, REQUEST = 10, 17, 18, 25, 100
LOG_ARTIFACT = 13  # among requests
_KEY, _NESTED, _VALUE_JSON = 1, 2, 16
_NONE, _BOOLEAN, _INTEGER, _NUMBER, _TEXT, _JSON = range(3, 9)
_STEP, _NUM = 2, 1
_UPDATE, _REMOVE = 1, 2
_MOST_VALUES = 4_000_000  # of a JSON text, however short it writes them
_LONGEST_LINE = 10 * 1024 * 1024
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
            return _json(value) if isinstance(value, bytes) else None
        if number == _BOOLEAN:
            return bool(value)
        if number == _INTEGER and isinstance(value, int):
            return zigzag(value)
        if number == _NUMBER and isinstance(value, bytes):
            return double(value)
        if number == _TEXT and isinstance(value, bytes):
            return value.decode("utf-8", "replace")
    return None


def _json(text: bytes) -> Any:
    if jsontext.values_in(text) > _MOST_VALUES:
        raise TooMuch(_("A value of an offline run is larger than anything of its kind may be."))
    return jsontext.loads(text)


def put(into: dict[str, Any], path: list[str], value: Any) -> None:
    if len(path) > jsontext.MOST_DEPTH:
        raise Broken(_("Values of an offline run lie too deep in one another."))
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


class _Line:
    """One that is printed piece by piece. Of one that is written over (a progress bar) the last word is held, not each."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._is_over = False  # what comes next takes its place

    def add(self, text: str) -> None:
        word = text.rstrip("\r")
        place = word.rfind("\r")
        if place >= 0 or (self._is_over and word):
            self._parts, self._size = [], 0
        if shown := word[place + 1 :]:
            self._parts.append(shown)
            self._size += len(shown)
        self._is_over = text.endswith("\r") or (self._is_over and not text)
        if self._size > _LONGEST_LINE:
            raise Broken(_("A line is longer than 10 MiB."))

    def take(self) -> str:
        text = "".join(self._parts)
        self._parts, self._size, self._is_over = [], 0, False
        return text


def console_lines(pieces: Iterator[Message]) -> Iterator[str]:
    """What was printed, line by line with the time before it, as the client sends it. Of a line that was written over (a progress
    bar) the last word counts."""
    held: dict[bool, _Line] = {}
    last: dict[bool, datetime] = {}
    for piece in pieces:
        is_error = not piece.integer(1)
        last[is_error] = moment(piece.message(2)) or last.get(is_error, _START)
        line = held.setdefault(is_error, _Line())
        *whole, rest = piece.text(3).split("\n")
        for text in whole:
            line.add(text)
            yield _line(line.take(), last[is_error], is_error=is_error)
        line.add(rest)
    for is_error, line in held.items():
        if text := line.take():
            yield _line(text, last[is_error], is_error=is_error)


def _line(text: str, at: datetime, *, is_error: bool) -> str:
    return f"{'ERROR ' if is_error else ''}{at:%Y-%m-%dT%H:%M:%S.%f} {text}"
