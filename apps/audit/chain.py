"""The chain's arithmetic: pure functions, so that anybody can check an export with a page of their own code.

digest = SHA-256(previous digest, a line feed, the event as JSON: keys in order, no spaces, ASCII)
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Protocol

GENESIS = "0" * 64  # what stands before the first


class Told(Protocol):
    """An event, as its row or as a migration's."""

    pk: Any
    at: datetime
    kind: str
    subject: str
    entity: str
    project: str
    by: str
    facts: dict[str, Any]


def canonical(number: int, event: Told) -> str:
    """The one text that stands for an event in its place. The same on every database."""
    told = {
        "number": number,
        "id": event.pk,
        "at": moment(event.at),
        "kind": event.kind,
        "subject": event.subject,
        "entity": event.entity,
        "project": event.project,
        "by": event.by,
        "facts": event.facts,
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def digest(previous: str, number: int, event: Told) -> str:
    return hashlib.sha256(f"{previous}\n{canonical(number, event)}".encode("ascii")).hexdigest()
