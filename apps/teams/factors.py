"""Second factors and passkeys, as the library keeps them, sealed whole under the person's own key.

The library's hook seals the secret of a code generator only, and without saying whose it is. A passkey's name and public
key and which recovery codes are spent would lie open: so what is written to the table is sealed, and opened when it is read.
"""

from __future__ import annotations

import base64
import json
import logging
import struct
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.signals import post_init, post_save, pre_save
from django.dispatch import receiver

from apps.accounts.models import User
from apps.accounts.providers import offered
from apps.teams.own import own_key
from apps.vault.seal import seal_text, unseal_text

log = logging.getLogger(__name__)
_LABEL = "authenticator.data"
_SEALED = "sealed"


@receiver(pre_save, sender=Authenticator, dispatch_uid="teams.seal_factor")
def seal_factor(sender: object, instance: Authenticator, **kwargs: Any) -> None:
    instance.opened_data = instance.data
    sealed = seal_text(own_key(instance.user_id), json.dumps(instance.data), **_bound_to(instance))
    instance.data = {_SEALED: base64.b64encode(sealed).decode()}


@receiver(post_save, sender=Authenticator, dispatch_uid="teams.reopen_factor")
def reopen_factor(sender: object, instance: Authenticator, **kwargs: Any) -> None:
    instance.data = instance.opened_data


@receiver(post_init, sender=Authenticator, dispatch_uid="teams.open_factor")
def open_factor(sender: object, instance: Authenticator, **kwargs: Any) -> None:
    data = instance.__dict__.get("data")
    if isinstance(data, dict) and data.keys() == {_SEALED}:
        sealed = base64.b64decode(data[_SEALED])
        instance.data = json.loads(unseal_text(own_key(instance.user_id), sealed, **_bound_to(instance)))


def _bound_to(instance: Authenticator) -> dict[str, Any]:
    return {"label": _LABEL, "row": UUID(int=instance.user_id), "place": str(instance.type).encode()}


@dataclass(frozen=True, slots=True)
class Passkey:
    pk: int
    name: str
    opens_by_itself: bool
    created_at: datetime
    last_used_at: datetime | None


@dataclass(slots=True)
class Factors:
    """What a person has set up beside or instead of a password."""

    codes_since: datetime | None = None
    recovery_codes_left: int | None = None
    passkeys: list[Passkey] = field(default_factory=list)


def factors_of(user: User) -> Factors:
    found = Factors()
    for each in Authenticator.objects.filter(user=user).order_by("pk"):
        if each.type == Authenticator.Type.TOTP:
            found.codes_since = each.created_at
        elif each.type == Authenticator.Type.RECOVERY_CODES:
            found.recovery_codes_left = len(each.wrap().get_unused_codes())
        else:
            key = each.wrap()
            opens = bool(key.is_passwordless) and credential_of(each) is not None
            found.passkeys.append(Passkey(each.pk, key.name, opens, each.created_at, each.last_used_at))
    return found


# What the library's parsers raise for what no browser sends.
UNREADABLE = (KeyError, ValueError, TypeError, AttributeError, IndexError, struct.error)


def credential_of(stored: Authenticator) -> Any | None:
    """The public key of a stored passkey; None of one that cannot be read, which opens nothing."""
    try:
        return stored.wrap().authenticator_data.credential_data
    except (ValidationError, *UNREADABLE) as error:
        log.warning("stored passkey unreadable: pk=%s error=%s", stored.pk, type(error).__name__)
        return None


def name_of_passkey(stored: Authenticator) -> str:
    """What its person calls it."""
    return str(stored.wrap().name)


def is_only_way_in(user: User, *, link: int | None = None, passkey: int | None = None) -> bool:
    """Would nothing open the account any more without this link or this passkey?

    A link to a provider that the operator offers no more opens nothing.
    """
    links = SocialAccount.objects.filter(user=user, provider__in=[each.id for each in offered()])
    if user.has_usable_password() or links.exclude(pk=link).exists():
        return False
    return not any(each.opens_by_itself for each in factors_of(user).passkeys if each.pk != passkey)


@transaction.atomic
def take_way_in(user: User, *, link: int | None = None, passkey: int | None = None) -> bool:
    """Take this link or passkey away, unless nothing else opens the account: of two that take the last two at once, one stays."""
    held = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if is_only_way_in(held, link=link, passkey=passkey):
        return False
    SocialAccount.objects.filter(user=held, pk=link).delete()
    Authenticator.objects.filter(user=held, pk=passkey, type=Authenticator.Type.WEBAUTHN).delete()
    return True
