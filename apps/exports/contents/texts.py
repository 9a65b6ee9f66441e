"""How texts and tables of an archive are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from apps.exports.types import Member


def json_file(path: str, moment: datetime, value: Callable[[], Any]) -> Member:
    """A JSON document, made when it is read."""
    return Member(path, lambda: [as_json(value())], moment)


def text_file(path: str, moment: datetime, text: str) -> Member:
    """A text to the letter."""
    return Member(path, lambda: [text.encode("utf-8", "surrogatepass")], moment)


def as_json(value: Any) -> bytes:
    """Readable JSON. Half a surrogate pair, which UTF-8 cannot carry, is written as an escape."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value, indent=2).encode() + b"\n"


def moment(at: datetime | None) -> str | None:
    """A moment in UTC, to the microsecond."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def lines(texts: Iterable[str]) -> Iterable[bytes]:
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text) + 1
        if size > 64 * 1024:
            yield ("\n".join(held) + "\n").encode("utf-8", "surrogatepass")
            held, size = [], 0
    if held:
        yield ("\n".join(held) + "\n").encode("utf-8", "surrogatepass")
