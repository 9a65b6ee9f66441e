"""What libraries do to accounts and tell by signals only: signing in, and new passwords."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from apps.accounts.actors import Actor
from apps.accounts.devices import address_of, device_name, network_of
from apps.accounts.models import User
from apps.accounts.sessions import row_of
from apps.teams.browsers import end_other_browsers, note_browser

BROWSERS_ENDED = "browsers_ended"


@receiver(user_logged_in, dispatch_uid="teams.note_browser")
def note_where(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    key = request.session.session_key
    if key is None:
        return
    device = device_name(request.META.get("HTTP_USER_AGENT", ""))
    note_browser(user, session_row=row_of(key), device=device, network=network_of(address_of(request)))


@receiver([password_changed, password_set, password_reset], dispatch_uid="teams.end_other_sessions")
def end_others(sender: object, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """A new password is often an answer to somebody else's being signed in. The page that comes next says how many were."""
    is_here = request.user == user
    here = row_of(request.session.session_key or "") if is_here else ""
    ended = end_other_browsers(user, session_row=here, by=Actor.person(user))
    if is_here:
        request.session[BROWSERS_ENDED] = ended
