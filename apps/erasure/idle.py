"""Accounts that nobody uses, where the operators set an end to that: told twice, closed, and taken back by the mailed link.

Used is: signed in, or by an API key. Without a mail server nobody can be told, and nobody is erased.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import DateTimeField, F, Max, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.address import instance_address
from apps.core.errors import Conflict, NotFound
from apps.core.mail import sends_mail
from apps.erasure.accounts import erase_account
from apps.erasure.types import Cause
from apps.erasure.ways_back import path_of
from apps.teams.notices import send_notice
from apps.teams.queries import last_admin_of

log = logging.getLogger(__name__)

FIRST, LAST = timedelta(days=30), timedelta(days=7)  # before it is closed, when they are told
_AT_ONCE = 200


def erase_idle_accounts() -> int:
    """Tell those whose time comes, and close the accounts of those who were told twice and did not come; how many."""
    days = settings.OWNLOG_IDLE_DAYS
    if not days or not sends_mail():
        return 0
    now = clock.now()
    _forget_who_came()
    _tell(_idle_since(now - timedelta(days=days) + FIRST).filter(idle_notices=0), left=FIRST)
    again = _idle_since(now - timedelta(days=days) + LAST)
    _tell(again.filter(idle_notices=1, idle_told_at__lte=now - FIRST + LAST), left=LAST)
    over = _idle_since(now - timedelta(days=days)).filter(idle_notices=2, idle_told_at__lte=now - LAST)
    return _some(over, _closed)


def _people() -> QuerySet[Any]:
    """Not operators: somebody has to be left; not who is suspended: they cannot come. With when they were last here."""
    rows = User.objects.filter(is_service=False, is_active=True, is_superuser=False, erased_at=None)
    key = Coalesce(Max("api_keys__last_used_at"), F("created_at"), output_field=DateTimeField())
    signed_in = Coalesce(F("last_login"), F("created_at"), output_field=DateTimeField())
    return rows.alias(key_used=key).annotate(seen_at=Greatest(F("key_used"), signed_in)).order_by("pk")


def _idle_since(moment: datetime) -> QuerySet[User]:
    return _people().filter(seen_at__lte=moment)


def _forget_who_came() -> None:
    came = _people().filter(Q(idle_notices__gt=0), seen_at__gt=F("idle_told_at"))
    User.objects.filter(pk__in=[user.pk for user in came]).update(idle_notices=0, idle_told_at=None)


def _some(people: QuerySet[User], act: Callable[[User], bool]) -> int:
    """Do this to as many as one run does. Who stays as they are takes nobody's place: the next are asked."""
    done = 0
    for pk in list(people.values_list("pk", flat=True)):
        done += sum(act(user) for user in User.objects.filter(pk=pk))
        if done == _AT_ONCE:
            break
    return done


def _tell(people: QuerySet[User], *, left: timedelta) -> None:
    _some(people, partial(_told, left=left))


def _told(user: User, *, left: timedelta) -> bool:
    if last_admin_of(user):  # of a team whose others may be at work: it stays
        return False
    before = user.idle_notices
    # First noted, then mailed: who dies between has told them less, never twice; who is refused counts as told.
    noted = User.objects.filter(pk=user.pk, idle_notices=before)
    if not noted.update(idle_notices=before + 1, idle_told_at=clock.now()):
        return False
    address = f"{settings.OWNLOG_BASE_URL}/sign-in" if settings.OWNLOG_BASE_URL else ""
    send_notice(user, "idle", {"days": str(left.days), "address": address})
    return True


def _closed(user: User) -> bool:
    try:
        _job, secret = erase_account(user, by=Actor.system(), cause=Cause.RETENTION)
    except (Conflict, NotFound) as error:
        log.info("idle account stays: user=%s reason=%s", user.public_id, type(error).__name__)
        return False
    tell_of_closing(user, secret)
    return True


def tell_of_closing(user: User, secret: str) -> bool:
    """Mail somebody whose account was just closed the link that takes it back, and leads to the receipt; whether a server took it."""
    base = instance_address()
    return bool(base) and sends_mail() and send_notice(user, "closed", {"address": base + path_of(secret)})
