from __future__ import annotations

import re
from typing import Protocol

from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.core import clock

# A state, a count's unit, an opaque id, a moment: no sentence, no address, no path.
_WORD = re.compile(r"[A-Za-z0-9_.:+-]{0,64}", re.ASCII)


class Author(Protocol):
    """Whoever acts; an actor of the accounts app."""

    @property
    def audit_id(self) -> str: ...


def record(
    kind: EventKind,
    *,
    subject: str,
    by: Author,
    entity: str = "",
    project: str = "",
    **facts: int | str | bool,
) -> None:
    """Note an act. Called by the act itself, in its transaction: no act without its record.

    `entity` is whose it is, and who sees it among "who saw my data": an entity's public id, or a person's own for
    what concerns their account. One insert; the chain follows by itself.
    """
    for name, value in facts.items():
        if isinstance(value, str) and not _WORD.fullmatch(value):
            raise ValueError(f"The fact {name} is no plain word, and the record holds no content.")
    Event.objects.create(
        at=clock.now(),
        kind=kind,
        subject=subject,
        entity=entity,
        project=project,
        by=by.audit_id,
        facts=facts,
    )
