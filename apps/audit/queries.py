from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from apps.audit.events import EventKind
from apps.audit.models import Event, Link

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events somebody looks for; what is empty does not narrow."""

    kinds: frozenset[str] = frozenset()
    project: str = ""
    by: str = ""
    since: datetime | None = None
    until: datetime | None = None  # not itself


def last_author(kind: EventKind, *, subject: str) -> str:
    """The opaque id of whoever did this to the subject last; empty when nobody did."""
    rows = Event.objects.filter(subject=subject, kind=kind).order_by("-at", "-id")
    return rows.values_list("by", flat=True).first() or ""


def authors(kind: EventKind, *, subjects: Collection[str]) -> dict[str, str]:
    """The opaque ids of those who did this to each of the subjects, the last of them."""
    rows = Event.objects.filter(subject__in=subjects, kind=kind).order_by("at", "id")
    return dict(rows.values_list("subject", "by"))


def newest(owners: Collection[str], asked: Asked, *, before: int | None, most: int) -> list[Event]:
    """The newest events that concern these owners, those older than the event `before`."""
    events = _about(owners, asked)
    if before is not None:
        events = events.filter(pk__lt=before)
    return list(events.order_by("-pk")[:most])


def next_newer(owners: Collection[str], asked: Asked, *, after: int, most: int) -> list[Event]:
    """Those that follow the event `after`, the newest of them first."""
    return list(_about(owners, asked).filter(pk__gt=after).order_by("pk")[:most])[::-1]


def batches(owners: Collection[str], asked: Asked) -> Iterator[list[Event]]:
    """All of them, the newest first, some at a time."""
    before = None
    while events := newest(owners, asked, before=before, most=_BATCH):
        yield events
        before = events[-1].pk


def links_of(events: Iterable[Event]) -> dict[int, Link]:
    """The links of those that have one already, by event."""
    found = Link.objects.filter(event_id__in=[event.pk for event in events])
    return {link.event_id: link for link in found}


def _about(owners: Collection[str], asked: Asked) -> QuerySet[Event]:
    events = Event.objects.filter(entity__in=owners)
    if asked.kinds:
        events = events.filter(kind__in=asked.kinds)
    if asked.project:
        events = events.filter(project=asked.project)
    if asked.by:
        events = events.filter(by=asked.by)
    if asked.since is not None:
        events = events.filter(at__gte=asked.since)
    if asked.until is not None:
        events = events.filter(at__lt=asked.until)
    return events


def is_on_record(subject: str) -> bool:
    """Whether the record tells of anything with this opaque id, which may be long gone."""
    return Event.objects.filter(subject=subject).exists()
