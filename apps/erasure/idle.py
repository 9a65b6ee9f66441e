"""Accounts that nobody uses, where the operators set an end to that: told twice, closed, and taken back by the mailed link.

Used is: signed in, or by an API key. Told is who was sent a mail that a server took: whoever cannot be told is not erased.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import DateTimeField, F, Max, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from apps.accounts.actors import Actor
from apps.accounts.models import BrowserSession, User
from apps.core import background, clock
from apps.core.address import instance_address
from apps.core.errors import Conflict, NotFound
from apps.core.mail import sends_mail
from apps.erasure.accounts import erase_account
from apps.erasure.grace import UNASKED, unheard
from apps.erasure.types import Cause
from apps.erasure.ways_back import make_way_back, note_handed_over, path_of
from apps.teams.notices import send_notice
from apps.teams.queries import last_admin_of

log = logging.getLogger(__name__)

FIRST, LAST = timedelta(days=30), timedelta(days=7)  # before it is closed, when they are told
# A mail that no server took, or of which nobody noted whether, is tried again after so long: an address that is gone for good is
# not written to every hour.
_AGAIN = timedelta(days=7)
_LINK_AGAIN = timedelta(days=1)  # the same for the link of who was closed
_AT_ONCE = 200


def erase_idle_accounts() -> int:
    """Tell those whose time comes, and close the accounts of those who were told twice and did not come; how many."""
    _hand_links_over()  # also where it was switched off since
    days = settings.OWNLOG_IDLE_DAYS
    if not days or not _can_tell():
        return 0
    now = clock.now()
    _forget_who_came()
    _tell(_idle_since(now - timedelta(days=days) + FIRST).filter(idle_notices=0), left=FIRST)
    again = _idle_since(now - timedelta(days=days) + LAST)
    _tell(again.filter(idle_notices=1, idle_told_at__lte=now - FIRST + LAST), left=LAST)
    since = now - timedelta(days=days)
    over = _idle_since(since).filter(idle_notices=2, idle_told_at__lte=now - LAST)
    return _some(over, partial(_closed, since=since))


def _can_tell() -> bool:
    """A link that nobody can open tells nothing either."""
    return sends_mail() and bool(instance_address())


def _seen() -> QuerySet[Any]:
    """Everybody, with when they were last here."""
    key = Coalesce(Max("api_keys__last_used_at"), F("created_at"), output_field=DateTimeField())
    signed_in = Coalesce(F("last_login"), F("created_at"), output_field=DateTimeField())
    rows = User.objects.alias(key_used=key).annotate(seen_at=Greatest(F("key_used"), signed_in))
    return rows.order_by("pk")


def _people() -> QuerySet[Any]:
    """Not operators: somebody has to be left; not who is suspended: they cannot come."""
    return _seen().filter(is_service=False, is_active=True, is_superuser=False, erased_at=None)


def _is_signed_in() -> Q:
    """A session that goes on was used of late, however long ago it began."""
    going_on = Session.objects.filter(expire_date__gt=clock.now()).values("session_key")
    return Q(pk__in=BrowserSession.objects.filter(session_row__in=going_on).values("user"))


def _idle_since(moment: datetime) -> QuerySet[User]:
    return _people().filter(seen_at__lte=moment).exclude(_is_signed_in())


def _forget_who_came() -> None:
    told = _people().filter(Q(idle_notices__gt=0) | Q(idle_tried_at__isnull=False))
    came = told.filter(Q(seen_at__gt=F("idle_told_at")) | Q(seen_at__gt=F("idle_tried_at")) | _is_signed_in())
    User.objects.filter(pk__in=[user.pk for user in came]).update(
        idle_notices=0, idle_told_at=None, idle_tried_at=None
    )


def _some(people: QuerySet[User], act: Callable[[User], bool]) -> int:
    """Do this to as many as one run does. Who stays as they are takes nobody's place: the next are asked."""
    done = 0
    for pk in list(people.values_list("pk", flat=True)):
        done += sum(act(user) for user in User.objects.filter(pk=pk))
        if done == _AT_ONCE:
            break
    return done


def _tell(people: QuerySet[User], *, left: timedelta) -> None:
    untried = Q(idle_tried_at=None) | Q(idle_tried_at__lte=clock.now() - _AGAIN)
    _some(people.filter(untried), partial(_told, left=left))


def _told(user: User, *, left: timedelta) -> bool:
    """Mail them, and count it once a server took it. Who dies between has told them once more than is counted, never less."""
    if last_admin_of(user):  # of a team whose others may be at work: it stays
        return False
    # Of two workers one writes: the other finds it tried.
    same = User.objects.filter(
        pk=user.pk, idle_notices=user.idle_notices, idle_tried_at=user.idle_tried_at, erased_at=None
    )
    if not same.update(idle_tried_at=clock.now()):
        return False
    address = f"{settings.OWNLOG_BASE_URL}/sign-in" if settings.OWNLOG_BASE_URL else ""
    if not send_notice(user, "idle", {"days": str(left.days), "address": address}):
        log.warning("idle account stays, no server took the mail to it: user=%s", user.public_id)
        return False
    User.objects.filter(pk=user.pk, idle_notices=user.idle_notices).update(
        idle_notices=user.idle_notices + 1, idle_told_at=clock.now(), idle_tried_at=None
    )
    return True


def _closed(user: User, *, since: datetime) -> bool:
    try:
        secret = _closed_unless_here(user, since)
    except (Conflict, NotFound) as error:
        log.info("idle account stays: user=%s reason=%s", user.public_id, type(error).__name__)
        return False
    tell_of_closing(user, secret)
    return True


@transaction.atomic
def _closed_unless_here(user: User, since: datetime) -> str:
    """Conflict, and nothing happened, for whoever came since they were looked for: asked while their row is held."""
    _job, secret = erase_account(user, by=Actor.system(), cause=Cause.RETENTION)
    if not _seen().filter(pk=user.pk, seen_at__lte=since).exists():
        raise Conflict("They came at this moment.")
    return secret


def _hand_links_over() -> None:
    """Nobody asked for these erasures, so none begins before a server took the mail with the link back: a worker may have died
    before it was sent, or no server took it. Each try is another link: of the one before nobody has the secret."""
    now = clock.now()
    untried = unheard().filter(way_back__made_at__lte=now - _LINK_AGAIN)
    for job in untried.select_related("entity__user"):
        if job.entity.user is not None and _can_tell():
            unheard().filter(pk=job.pk).update(due_at=Greatest(F("due_at"), now + UNASKED))
            background.enqueue("erasure.remember")
            if not tell_of_closing(job.entity.user, make_way_back(job)):
                log.warning("closed account waits on, no server took its link: erasure=%s", job.public_id)


def tell_of_closing(user: User, secret: str) -> bool:
    """Mail somebody whose account was just closed the link that takes it back, and leads to the receipt; whether a server took it."""
    is_told = _can_tell() and send_notice(user, "closed", {"address": instance_address() + path_of(secret)})
    if is_told:
        note_handed_over(secret)
    return is_told
