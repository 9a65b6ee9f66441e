"""Forms that may be sent twice: a double click, or a page sent again, is carried out once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable

from apps.accounts import replays
from apps.accounts.replays import Done
from apps.core import jsontext
from apps.web.request import Request

FIELD = "once"
_LEFT_OUT = frozenset({FIELD, "csrfmiddlewaretoken"})


def new_mark() -> str:
    """What a form carries to be told from the next one."""
    return secrets.token_urlsafe(15)


def once(request: Request, act: Callable[[], Done]) -> Done:
    """Carry `act` out, unless this very form was sent before. KeyReused when it was, with other words in it."""
    mark = request.POST.get(FIELD)
    words = {name: values for name, values in request.POST.lists() if name not in _LEFT_OUT}
    sent = jsontext.dumps(words).encode("utf-8", "surrogatepass")
    # Several forms of one page carry the same mark.
    key = f"form:{hashlib.sha256(f'{request.path} {mark}'.encode()).hexdigest()}" if mark else None
    return replays.once(request.actor, act, key=key, request=sent)
