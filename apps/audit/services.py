from __future__ import annotations

from typing import Protocol

from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.core import clock


class Author(Protocol):
    """Whoever acts; an actor of the accounts app."""

    @property
    def audit_id(self) -> str: ...


def record(kind: EventKind, *, subject: str, by: Author, entity: str = "", **facts: int | str | bool) -> None:
    """Note an act. Called by the act itself, in its transaction: no act without its record."""
    Event.objects.create(
        at=clock.now(), kind=kind, subject=subject, entity=entity, by=by.audit_id, facts=facts
    )
