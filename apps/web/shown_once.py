"""A page that shows a secret is the answer to a form. Loaded anew it is that form once more, and makes nothing."""

from __future__ import annotations

import hashlib

from django.utils.translation import gettext as _

from apps.core.errors import Conflict
from apps.web.request import Request

_SENT = "forms_of_secrets"
_MOST_HELD = 50


def require_first_time(request: Request) -> None:
    """Conflict where this very form was sent before. Each page has its CSRF token in other letters, so one that was opened
    anew is another form, whatever is written into it."""
    if not (token := request.POST.get("csrfmiddlewaretoken", "")):
        return
    this = hashlib.sha256(f"{request.path}\n{token}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    sent = request.session.get(_SENT, [])
    if this in sent:
        raise Conflict(
            _(
                "This form was sent before, and its answer showed a secret. It is shown once only, and nothing new was made. "
                "Open the page anew to make another."
            )
        )
    request.session[_SENT] = [*sent, this][-_MOST_HELD:]
