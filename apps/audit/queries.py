from __future__ import annotations

from apps.audit.events import EventKind
from apps.audit.models import Event


def last_author(kind: EventKind, *, subject: str) -> str:
    """The opaque id of whoever did this to the subject last; empty when nobody did."""
    rows = Event.objects.filter(subject=subject, kind=kind).order_by("-at", "-id")
    return rows.values_list("by", flat=True).first() or ""
