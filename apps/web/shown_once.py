"""A page that shows a secret is the answer to a form. Loaded anew it is that form once more, and makes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.core.cache import cache
from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.errors import Conflict
from apps.web.request import Request

_KEPT = timedelta(days=90)  # longer than a page stands open and its session is good


@contextmanager
def first_time(request: Request) -> Iterator[None]:
    """What makes a secret stands in this: Conflict where this very form has made one before.

    The note of the form and the secret are one transaction. Nothing is noted of what was refused, and of the same form sent
    twice at one moment the second waits for the first. Each page has its CSRF token in other letters, so one that was opened
    anew is another form, whatever is written into it.
    """
    with transaction.atomic():
        token = request.POST.get("csrfmiddlewaretoken", "")
        if token and not cache.add(_name(request, token), 1, _KEPT.total_seconds()):
            raise Conflict(
                _(
                    "This form was sent before, and its answer showed a secret. It is shown once only, and nothing new was made. "
                    "Open the page anew to make another."
                )
            )
        yield


def _name(request: Request, token: str) -> str:
    """As its bytes in letters: what is sent may be no text at all."""
    sent = f"{request.path}\n{token}".encode("utf-8", "surrogatepass").hex()
    return f"form-of-a-secret:{request.actor.user_id}:{sent}"
