"""Acts that come by the thousand: the first within an hour is recorded at once, the number of the others once it is over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from apps.audit.events import EventKind
from apps.audit.models import Repeat
from apps.audit.services import Author, record
from apps.core import clock

PERIOD = timedelta(hours=1)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class _Known:
    audit_id: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What an act is done to: its public id, whose it is, the project it lies in."""

    id: str
    entity: str
    project: str = ""


def count(
    kind: EventKind,
    subjects: Collection[Subject],
    *,
    by: Author,
    via: str = "",
    grain: timedelta = timedelta(0),
) -> None:
    """Record the act on each of these, or count it where its like was recorded within the hour.

    Within `grain` of the last it is the same act. One question for all; writes only where there is something to tell.
    """
    now = clock.now()
    like_it = Repeat.objects.filter(
        kind=kind, by=by.audit_id, via=via, subject__in=[each.id for each in subjects]
    )
    told = {repeat.subject: repeat for repeat in like_it}
    again = []
    for subject in subjects:
        repeat = told.get(subject.id)
        if repeat is not None and now - repeat.since >= PERIOD:
            _tell(repeat.pk)
            repeat = None
        repeat = repeat or _begin(kind, subject, by=by, via=via)
        if repeat is not None and now - repeat.last_at >= grain:
            again.append(repeat.pk)
    if again:
        Repeat.objects.filter(pk__in=again).update(more=F("more") + 1, last_at=now)


@transaction.atomic
def _begin(kind: EventKind, subject: Subject, *, by: Author, via: str) -> Repeat | None:
    """Record the first of an hour. The row instead, where another request was quicker."""
    now = clock.now()
    repeat, is_first = Repeat.objects.get_or_create(
        subject=subject.id,
        by=by.audit_id,
        kind=kind,
        via=via,
        defaults={"entity": subject.entity, "project": subject.project, "since": now, "last_at": now},
    )
    if not is_first:
        return repeat
    record(kind, subject=subject.id, by=by, entity=subject.entity, project=subject.project, **_how(via))
    return None


def tell_finished() -> None:
    """Record the counts of hours that are over. A call may be lost: the next one finds them."""
    finished = Repeat.objects.filter(since__lte=clock.now() - PERIOD)
    for pk in list(finished.values_list("pk", flat=True)[:_BATCH]):
        _tell(pk)


@transaction.atomic
def _tell(pk: int) -> None:
    told = Repeat.objects.select_for_update().filter(pk=pk).first()
    if told is None:  # another request told it
        return
    if told.more:
        record(
            EventKind(told.kind),
            subject=told.subject,
            by=_Known(told.by),
            entity=told.entity,
            project=told.project,
            more=told.more,
            since=told.since.isoformat(timespec="minutes"),
            **_how(told.via),
        )
    told.delete()


def _how(via: str) -> dict[str, str]:
    return {"via": via} if via else {}
