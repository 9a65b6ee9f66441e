"""Mail about alerts: that there is one and a link to it. What it says only for who switched that on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum, auto
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import translation

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.mail import sends_mail
from apps.runs.alerts import open_alert
from apps.runs.errors import BackSoon
from apps.runs.models import Alert, Run
from apps.runs.queries import may_do
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.notices import language_of
from apps.teams.queries import effective_of
from apps.vault.errors import KeyGone, Tampered

log = logging.getLogger(__name__)

MOST_AN_HOUR = 20  # of one run: a script that raises more fills no mailbox, and the page has them all
_TRIED_FOR = timedelta(days=1)
_AT_ONCE = 100
_FOR_GOOD, _CLOSING = 500, 421  # what a server answers, RFC 5321
_ASKED = (SettingName.MAIL_ALERTS, SettingName.MAIL_ALERTS_OF_TEAMS, SettingName.MAIL_ALERT_WORDS)


class Outcome(Enum):
    DONE = auto()  # told, or nothing to be told, or refused for good
    LATER = auto()  # the server answers, and takes this one at another time: greylisting, a full mailbox
    NO_SERVER = auto()  # it takes nobody's mail at this moment


def tell_of_alert(alert_id: int, *, base: str = "") -> Outcome:
    """Mail whom an alert concerns, each once. What was not DONE the sweep tries again, with those who were not reached."""
    alert = Alert.objects.select_related("run__project__entity").filter(pk=alert_id).first()
    if alert is None or alert.run.is_back_soon:  # closed for a moment: the sweep comes again
        return Outcome.DONE
    if not Alert.objects.filter(pk=alert_id, told_at=None).update(told_at=clock.now()):
        return Outcome.DONE
    if alert.run.erased_at is not None or not sends_mail() or _are_many(alert):
        Alert.objects.filter(pk=alert_id).update(reached=[])
        return Outcome.DONE
    outcome, reached = _tell_all(alert, base or settings.OWNLOG_BASE_URL)
    if outcome is Outcome.DONE:
        Alert.objects.filter(pk=alert_id).update(reached=[])
    else:
        Alert.objects.filter(pk=alert_id).update(told_at=None, reached=reached)
    return outcome


def _tell_all(alert: Alert, address: str) -> tuple[Outcome, list[int]]:
    """One who can be told never, or not now, keeps nobody else from being told; and who was told is not told again."""
    words = {
        "owner": alert.run.project.entity.name,
        "at": alert.raised_at,
        "repeats": alert.repeats,
        "address": address and f"{address}/go/alerts/{alert.public_id}",
    }
    reached, whole = list(alert.reached), Outcome.DONE
    for user, wants_words in _concerned(alert.run):
        if user.pk in reached:
            continue
        outcome = _send(user, words | (_said(alert) if wants_words else {}))
        if outcome is Outcome.DONE:
            reached.append(user.pk)
            continue
        if outcome is Outcome.NO_SERVER and reached == alert.reached:
            return outcome, reached
        whole = Outcome.LATER
    return whole, reached


def _outcome_of(error: Exception) -> Outcome:
    """What it would say again is done with, and whoever else is concerned is to hear of it."""
    if isinstance(error, SMTPRecipientsRefused):
        codes = {code for code, _said in error.recipients.values()}
    elif isinstance(error, SMTPDataError):
        codes = {error.smtp_code}
    else:
        return Outcome.NO_SERVER
    if _CLOSING in codes:
        return Outcome.NO_SERVER
    return Outcome.DONE if min(codes, default=_FOR_GOOD) >= _FOR_GOOD else Outcome.LATER


def alerts_to_tell() -> list[int]:
    """Those whose message was lost, or whose mail nobody took, within the last day."""
    now = clock.now()
    given_up = Alert.objects.filter(told_at=None, raised_at__lte=now - _TRIED_FOR)
    given_up.update(told_at=now, reached=[])
    left = Alert.objects.filter(
        told_at=None, raised_at__gt=now - _TRIED_FOR, raised_at__lt=now - timedelta(minutes=1)
    )
    # In no order: where the first hundred are taken later only, others have their turn.
    return list(left.order_by("?").values_list("pk", flat=True)[:_AT_ONCE])


def _are_many(alert: Alert) -> bool:
    since = alert.raised_at - timedelta(hours=1)
    earlier = Alert.objects.filter(run=alert.run_id, raised_at__gt=since, pk__lt=alert.pk)
    return earlier.count() >= MOST_AN_HOUR


def _concerned(run: Run) -> Iterator[tuple[User, bool]]:
    """Who chose to be told and may read the run as things stand, and whether they want its words in the mail."""
    place = run.project.entity
    inside = Q(pk=place.pk) | Q(user__memberships__entity=place) | Q(user_id=run.created_by_id)
    people = list(
        Entity.objects.select_related("user").filter(inside, user__is_active=True).order_by("pk").distinct()
    )
    held = effective_of(people, _ASKED)
    for own in people:
        chosen = held[own.pk]
        wanted = (
            SettingName.MAIL_ALERTS if own.user_id == run.created_by_id else SettingName.MAIL_ALERTS_OF_TEAMS
        )
        if own.user is None or not chosen[wanted].is_on:
            continue
        if may_do(Actor.person(own.user), Permission.RUN_READ, run):
            yield own.user, chosen[SettingName.MAIL_ALERT_WORDS].is_on


def _said(alert: Alert) -> dict[str, Any]:
    """Without its words where they do not open: the mail then leads to the page, which says what is wrong."""
    try:
        opened = open_alert(alert)
    except (BackSoon, KeyGone, Tampered):
        return {}
    return {"level": opened.level.value, "title": _readable(opened.title), "text": _readable(opened.text)}


def _readable(text: str) -> str:
    """What a mail can carry: no halves of characters, no control characters that would be taken for something else."""
    whole = text.encode("utf-8", "replace").decode()
    return "".join(each for each in whole if each in "\n\t" or each.isprintable())


def _send(user: User, words: dict[str, Any]) -> Outcome:
    with translation.override(language_of(user)):
        subject = render_to_string("mails/alert_subject.txt", words).strip()
        text = render_to_string("mails/alert.txt", words)
    try:
        send_mail(subject, text, None, [user.email])
    except (OSError, SMTPException) as error:
        log.warning("alert not mailed: error=%s", type(error).__name__)
        return _outcome_of(error)
    return Outcome.DONE
