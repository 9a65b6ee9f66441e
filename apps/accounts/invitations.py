"""Invitations to sign up: a signed address, good for a week and for one account (addresses are unique)."""

from __future__ import annotations

from django.conf import settings
from django.core import signing

from apps.accounts.addresses import address_as_stored
from apps.accounts.queries import is_taken, no_account_yet

_SALT = "ownlog.invitation"
_WEEK_SECONDS = 7 * 24 * 3600


def make_invitation(email: str) -> str:
    return signing.dumps(address_as_stored(email), salt=_SALT)


def invited_email(token: str) -> str | None:
    """The address that `token` invites, or None when it is forged, too old or used."""
    try:
        email: str = signing.loads(token, salt=_SALT, max_age=_WEEK_SECONDS)
    except signing.BadSignature:
        return None
    return None if is_taken(email=email) else email


def may_sign_up(token: str = "") -> bool:
    """Is sign-up open to somebody who brings this invitation (or none)? The first account may always be made."""
    if settings.OWNLOG_SIGN_UP == "open" or no_account_yet():
        return True
    return settings.OWNLOG_SIGN_UP == "invited" and invited_email(token) is not None
