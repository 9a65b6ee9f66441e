"""Past the hard limit, or where a store refuses to delete or the database to clear names away, nobody is left to think that it is going well: health turns red,
operators are told, and it is tried on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Coalesce
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from apps.accounts.queries import operators
from apps.core import clock
from apps.core.mail import sends_mail
from apps.erasure.grace import unheard
from apps.erasure.models import ErasureJob
from apps.erasure.types import HARD_LIMIT
from apps.teams.notices import language_of
from apps.vault.epochs import BrokenOff, broken_off, give_alarm_back, take_alarm

log = logging.getLogger(__name__)

EPOCH_LIMIT = timedelta(minutes=10)
_AGAIN = timedelta(hours=24)
_MOST_NAMED = 20
_SINCE = Coalesce("due_at", "asked_at")
# What breaks off a try where a right is missing: of the bucket, or of the folder of files.
_DENIALS = ("StoreDenied", "PermissionError")
_UNCLEARED = ("VacuumDenied",)  # and where the database's role may not do it


@dataclass(frozen=True, slots=True)
class Health:
    """Whether erasures keep their limits."""

    late: int  # erasures past the hard limit
    denied: int  # those of them and of the others that a store does not let the instance delete
    uncleared: int  # those whose names the database does not let it clear away
    epoch: BrokenOff | None  # an epoch that has broken off for too long

    @property
    def is_good(self) -> bool:
        return not self.late and not self.denied and not self.uncleared and self.epoch is None


@dataclass(frozen=True, slots=True)
class Measures:
    """The same in numbers, for a monitor that has limits of its own."""

    unfinished: int  # erasures that may be worked on and have no receipt yet
    oldest: int  # for how many seconds the one of them that waits longest was due
    health: Health


def measures() -> Measures:
    now = clock.now()
    found = _due_before(now).aggregate(unfinished=Count("pk"), first=Min(_SINCE))
    oldest = int((now - found["first"]).total_seconds()) if found["first"] else 0
    return Measures(found["unfinished"], oldest, health())


def health() -> Health:
    late, denied, uncleared = (found().count() for found in (_late, _denied, _uncleared))
    return Health(late, denied, uncleared, _stuck_epoch())


def raise_alarms() -> None:
    """Tell the operators of what is late or refused and was not told within the last day. Once for all of it."""
    late, denied, uncleared = (_take(found()) for found in (_late, _denied, _uncleared))
    jobs = [*late, *denied, *uncleared]
    epoch = _stuck_epoch()
    if epoch is not None and not take_alarm(epoch.number, every=_AGAIN):
        epoch = None
    if not jobs and epoch is None:
        return
    if late:
        log.error("erasures are past their limit of %s: jobs=%s", HARD_LIMIT, " ".join(late[:_MOST_NAMED]))
    if denied:
        log.error("a store refuses to delete what was erased: jobs=%s", " ".join(denied[:_MOST_NAMED]))
    if uncleared:
        log.error("the database's role may not clear names away: jobs=%s", " ".join(uncleared[:_MOST_NAMED]))
    if epoch is not None:
        log.error("epoch %d has been broken off since %s", epoch.number, epoch.since.isoformat())
    try:
        _mail({"late": len(late), "denied": len(denied), "uncleared": len(uncleared), "epoch": epoch})
    except (OSError, SMTPException) as error:
        log.warning("late erasures not mailed, tried again: error=%s", type(error).__name__)
        ErasureJob.objects.filter(public_id__in=jobs).update(alarmed_at=None)
        if epoch is not None:
            give_alarm_back(epoch.number)


def _late() -> QuerySet[ErasureJob]:
    return _due_before(clock.now() - HARD_LIMIT)


def _due_before(moment: datetime) -> QuerySet[ErasureJob]:
    """What is not done and might have begun by then: what can be taken back is not late."""
    jobs = ErasureJob.objects.alias(since=_SINCE).filter(done_at=None, since__lt=moment)
    return jobs.exclude(pk__in=unheard().values("pk"))  # nor what may not begin before somebody is told


def _denied() -> QuerySet[ErasureJob]:
    return ErasureJob.objects.filter(done_at=None, trouble__in=_DENIALS)


def _uncleared() -> QuerySet[ErasureJob]:
    return ErasureJob.objects.filter(done_at=None, trouble__in=_UNCLEARED)


def _take(jobs: QuerySet[ErasureJob]) -> list[str]:
    """Those of the jobs that this process tells of."""
    now = clock.now()
    untold = Q(alarmed_at=None) | Q(alarmed_at__lt=now - _AGAIN)
    found = jobs.filter(untold).order_by("pk").values_list("pk", "public_id")
    return [
        public_id
        for pk, public_id in found
        if ErasureJob.objects.filter(untold, pk=pk).update(alarmed_at=now)
    ]


def _stuck_epoch() -> BrokenOff | None:
    found = broken_off()
    return found if found is not None and found.since < clock.now() - EPOCH_LIMIT else None


def _mail(found: dict[str, Any]) -> None:
    """To all operators. One whose address is refused keeps nobody from being told, and has nobody told again: it is raised only
    where no one was reached."""
    if not sends_mail():
        return
    base = settings.OWNLOG_BASE_URL
    address = base and base + reverse("admin:erasure_erasurejob_changelist")
    words = found | {"address": address}
    reached, refused = 0, None
    for user in operators():
        with translation.override(language_of(user)):
            subject = render_to_string("mails/erasure_late_subject.txt", words).strip()
            text = render_to_string("mails/erasure_late.txt", words)
        try:
            send_mail(subject, text, None, [user.email])
            reached += 1
        except (OSError, SMTPException) as error:
            log.warning("late erasures not mailed to one operator: error=%s", type(error).__name__)
            refused = error
    if refused is not None and not reached:
        raise refused
