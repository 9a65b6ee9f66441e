"""Mail that pages send. It carries a link and a team's name; whether it went out is told, for the page then helps itself."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

log = logging.getLogger(__name__)


def send_invitation(address: str, *, team: str, url: str) -> bool:
    """Whether a server took the mail. It is in the language of whoever invites: of the address nothing is known."""
    words = {"team": team, "url": url}
    subject = render_to_string("mails/invitation_subject.txt", words).strip()
    try:
        send_mail(subject, render_to_string("mails/invitation.txt", words), None, [address])
    except (OSError, SMTPException) as error:
        log.warning("invitation not mailed: error=%s", type(error).__name__)
        return False
    return not settings.EMAIL_BACKEND.endswith("console.EmailBackend")
