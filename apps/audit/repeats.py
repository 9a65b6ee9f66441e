"""Acts that come by the thousand: the first within an hour is recorded at once, the number of the others once it is over."""

from __future__ import annotations

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


def count(
    kind: EventKind,
    *,
    subject: str,
    by: Author,
    entity: str,
    project: str = "",
    via: str = "",
    grain: timedelta = timedelta(0),
) -> None:
    """Record the act, or count it where its like was recorded within the hour. Within `grain` of the last it is the same act."""
    now = clock.now()
    told = Repeat.objects.filter(subject=subject, by=by.audit_id, kind=kind, via=via).first()
    if told is not None and now - told.since >= PERIOD:
        _tell(told.pk)
        told = None
    if told is None:
        with transaction.atomic():
            told, is_first = Repeat.objects.get_or_create(
                subject=subject,
                by=by.audit_id,
                kind=kind,
                via=via,
                defaults={"entity": entity, "project": project, "since": now, "last_at": now},
            )
            if is_first:
                record(kind, subject=subject, by=by, entity=entity, project=project, **_how(via))
                return
    if now - told.last_at >= grain:
        Repeat.objects.filter(pk=told.pk).update(more=F("more") + 1, last_at=now)


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
