"""Mail about a request: that something happened, and where to read it. No word of the request is in it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from apps.accounts.models import User
from apps.accounts.queries import operators
from apps.core import clock
from apps.plans.models import RequestStep
from apps.plans.types import Act
from apps.teams.notices import language_of

log = logging.getLogger(__name__)

_TO_PERSON = frozenset({Act.SENT, Act.ASKED, Act.APPROVED, Act.DECLINED, Act.WITHDRAWN})
_TO_OPERATORS = frozenset({Act.SENT, Act.ANSWERED})
_TRIED_FOR = timedelta(days=2)


def tell_of_step(step_id: int, *, base: str = "") -> None:
    """Mail whom an act on a request concerns, once; when no server takes it, the sweep tries again."""
    step = RequestStep.objects.select_related("request__user").filter(pk=step_id).first()
    mine = RequestStep.objects.filter(pk=step_id, told_at=None)
    if step is None or not mine.update(told_at=clock.now()):
        return
    try:
        _send(step, base or settings.OWNLOG_BASE_URL)
    except (OSError, SMTPException) as error:
        log.warning("step of a request not mailed: error=%s", type(error).__name__)
        RequestStep.objects.filter(pk=step_id).update(told_at=None)


def steps_to_tell() -> list[int]:
    """Those whose message was lost, or whose mail nobody took, within the last days."""
    now = clock.now()
    left = RequestStep.objects.filter(
        told_at=None, at__gt=now - _TRIED_FOR, at__lt=now - timedelta(minutes=1)
    )
    return list(left.order_by("pk").values_list("pk", flat=True)[:100])


def _send(step: RequestStep, base: str) -> None:
    request, act = step.request, Act(step.act)
    if act in _TO_OPERATORS:
        path = reverse("admin:plans_planrequest_review", args=[request.pk])
        _mail(operators(), "mails/request_waits", base and base + path, act)
    if act in _TO_PERSON and request.user.is_active:
        _mail([request.user], "mails/request", base and base + reverse("plan-request"), act)


def _mail(people: Iterable[User], template: str, address: str, act: Act) -> None:
    """Without an address the mail says in words where to look."""
    words = {"act": act.value, "address": address}
    for user in people:
        with translation.override(language_of(user)):
            subject = render_to_string(f"{template}_subject.txt", words).strip()
            text = render_to_string(f"{template}.txt", words)
        send_mail(subject, text, None, [user.email])
