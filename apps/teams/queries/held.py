"""How many rows the instance holds of one account, kind by kind: for the person themselves."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from apps.accounts.models import ApiKey, BrowserSession, KeyNetwork, User
from apps.audit.models import Event
from apps.teams.models import Entity, Membership, OrganisationMembership, Setting


@dataclass(frozen=True, slots=True)
class AccountRows:
    """What there is beside the name, the address and the hash of the password."""

    api_keys: int
    networks: int
    devices: int
    links: int
    factors: int
    places: int  # in teams and organisations
    settings: int
    acts: int  # on their record


def own_records(user: User) -> list[str]:
    """Under which ids a person's own record stands: their entity's and their account's."""
    return [*Entity.objects.filter(user=user).values_list("public_id", flat=True), user.public_id]


def rows_of_account(user: User) -> AccountRows:
    """One question for each kind."""
    return AccountRows(
        api_keys=ApiKey.objects.filter(user=user, revoked_at=None).count(),
        networks=KeyNetwork.objects.filter(key__user=user).count(),
        devices=BrowserSession.objects.filter(user=user).count(),
        links=SocialAccount.objects.filter(user=user).count(),
        factors=Authenticator.objects.filter(user=user).count(),
        places=Membership.objects.filter(user=user).count()
        + OrganisationMembership.objects.filter(user=user).count(),
        settings=Setting.objects.filter(entity__user=user).count(),
        acts=Event.objects.filter(entity__in=own_records(user)).count(),
    )
