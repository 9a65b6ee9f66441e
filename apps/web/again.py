"""Proving once more who one is, for people whose account opens by Google or GitHub alone: there, and back as the same.

The library asks people for a password, a code or a passkey, and lets those who have none of them change everything.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from allauth.account import app_settings
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows, resume_request
from allauth.core.exceptions import ReauthenticationRequired
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from apps.accounts import proof
from apps.accounts.links import links_of
from apps.accounts.providers import AGAIN, Offered, offered

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin
    from django.http import HttpRequest

    from apps.accounts.models import User

_BY_PROVIDER = "socialaccount"


def has_nothing_here(user: User) -> bool:
    """Is there nothing on this instance by which this person could be asked who they are?"""
    return not get_reauthentication_flows(user)


def only_elsewhere(user: User) -> list[Offered]:
    """The providers at which this person can prove who they are, where nothing here does."""
    if not has_nothing_here(user):
        return []
    linked = {link.provider for link in links_of(user)}
    return [each for each in offered() if each.id in linked]


def came_from_there_lately(request: HttpRequest, user: User) -> bool:
    """Did they come from their provider a moment ago, to sign in or for this?"""
    return proof.was_proven_lately(request, user, method=_BY_PROVIDER)


def require_fresh_proof(request: HttpRequest, user: User) -> None:
    """Pass for whoever showed within the last minutes who they are: they signed in, signed up, or were asked again.

    For what opens the account to others without changing it: who has just come is not asked twice.
    """
    if not proof.was_proven_lately(request, user):
        raise ReauthenticationRequired


def note_first_use(request: HttpRequest, user: User, factor: str) -> None:
    """Whoever has set up codes or a passkey has used it for that, and showed who they are before: both count as shown.

    Without this, somebody who came by a provider alone would be asked for a code of an app that they set up a moment
    ago, before they see their recovery codes for the first time.
    """
    record_authentication(request, user, "mfa", type=factor, reauthenticated=True)


def is_asked(sociallogin: SocialLogin) -> bool:
    """Was somebody sent to the provider for this?"""
    return bool((sociallogin.state.get("data") or {}).get(AGAIN))


def why_not(request: HttpRequest, sociallogin: SocialLogin) -> str:
    """What is wrong with the proof that came back; empty when nothing is."""
    if not request.user.is_authenticated or not sociallogin.is_existing or sociallogin.user != request.user:
        return "somebody_else"
    at = sociallogin.proven_at  # when they signed in there; None where the provider never says
    is_fresh = at is None or (
        isinstance(at, int) and abs(time.time() - at) < app_settings.REAUTHENTICATION_TIMEOUT
    )
    return "" if is_fresh else "stale"


def go_on(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponseBase:
    """Note the proof and go on with what was asked for."""
    facts: dict[str, Any] = {"provider": sociallogin.account.provider, "uid": sociallogin.account.uid}
    record_authentication(request, request.user, _BY_PROVIDER, reauthenticated=True, **facts)
    # The way on stands in the state, which the library looks for in the address.
    query = request.GET.copy()
    query["next"] = sociallogin.state.get("next") or ""
    request.GET = query  # type: ignore[assignment]
    return resume_request(request) or redirect("security")
