"""Whether this instance sends mail. Without a server none is made: what a mail carries is a secret, and a log is no place for it."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

NO_MAIL = "apps.core.mail.NoMail"


class NoMail(BaseEmailBackend):
    """Takes no mail, prints none and keeps none. Pages say so, and operators hand links over (docs/adr/0106)."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        return 0


def sends_mail() -> bool:
    return settings.EMAIL_BACKEND != NO_MAIL
