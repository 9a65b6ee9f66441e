"""Which of a person's stored passkeys can still be read. One that cannot be is passed over: the others open the account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth

from apps.teams.factors import UNREADABLE, credential_of

if TYPE_CHECKING:
    from apps.accounts.models import User


def _readable(user: User) -> Iterator[tuple[Authenticator, Any]]:
    """Each stored passkey with its public key."""
    for stored in Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.WEBAUTHN):
        if credential := credential_of(stored):
            yield stored, credential


def _credentials(user: User) -> list[Any]:
    return [credential for _, credential in _readable(user)]


def _by_credential_id(user: User, credential_id: bytes) -> Authenticator | None:
    found = (stored for stored, each in _readable(user) if each.credential_id == credential_id)
    return next(found, None)


# The library reads all of them, and fails with the first, in each of its pages for passkeys. It leaves no other place.
auth.get_credentials = _credentials
auth.get_authenticator_by_credential_id = _by_credential_id

__all__ = ["UNREADABLE"]
