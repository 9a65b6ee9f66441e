"""Accounts elsewhere that open an account here: who it is there, one address, since when. No token, no profile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount

from apps.accounts.models import User
from apps.accounts.providers import NAMES, SCOPES


@dataclass(frozen=True, slots=True)
class Link:
    pk: int
    provider: str
    name: str
    address: str
    scope: str
    since: datetime


def links_of(user: User) -> list[Link]:
    return [
        Link(
            each.pk,
            each.provider,
            NAMES[each.provider],
            each.extra_data.get("email", ""),
            SCOPES[each.provider],
            each.date_joined,
        )
        for each in SocialAccount.objects.filter(user=user, provider__in=NAMES).order_by("pk")
    ]


def is_confirmed(user: User) -> bool:
    """Has the person shown that the account's address is theirs?"""
    return bool(EmailAddress.objects.filter(user=user, email__iexact=user.email, verified=True).exists())
