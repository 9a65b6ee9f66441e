"""What the instance holds of one account, one team or one organisation, kind by kind: for the person, and for the admins."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from apps.accounts.models import ApiKey, BrowserSession, KeyNetwork, User
from apps.audit.models import Event
from apps.core.amounts import Amount, amount_of
from apps.teams.models import (
    Entity,
    Invitation,
    Membership,
    OrganisationMembership,
    ServiceAccount,
    Setting,
)
from apps.teams.queries.people import Place, memberships_of


@dataclass(frozen=True, slots=True)
class AccountRows:
    """What there is of somebody beside what they made."""

    person: Amount  # name, addresses and the hash of the password
    api_keys: Amount
    networks: Amount
    devices: Amount
    links: Amount
    factors: Amount
    places: Amount  # in teams and organisations
    settings: Amount
    acts: Amount  # on their record


@dataclass(frozen=True, slots=True)
class PlaceRows:
    """What there is of a team beside its projects, or of an organisation beside its registries."""

    people: Amount
    invitations: Amount
    services: Amount  # a team's alone
    settings: Amount
    acts: Amount  # on its record


def own_records(user: User) -> list[str]:
    """Under which ids a person's own record stands: their entity's and their account's."""
    return [*Entity.objects.filter(user=user).values_list("public_id", flat=True), user.public_id]


def rows_of_account(user: User) -> AccountRows:
    """One question for each kind."""
    return AccountRows(
        person=amount_of(User.objects.filter(pk=user.pk))
        + amount_of(EmailAddress.objects.filter(user=user))
        + amount_of(Entity.objects.filter(user=user)),
        api_keys=amount_of(ApiKey.objects.filter(user=user, revoked_at=None)),
        networks=amount_of(KeyNetwork.objects.filter(key__user=user)),
        devices=amount_of(BrowserSession.objects.filter(user=user)),
        links=amount_of(SocialAccount.objects.filter(user=user)),
        factors=amount_of(Authenticator.objects.filter(user=user)),
        places=amount_of(Membership.objects.filter(user=user))
        + amount_of(OrganisationMembership.objects.filter(user=user)),
        settings=amount_of(Setting.objects.filter(entity__user=user)),
        acts=amount_of(Event.objects.filter(entity__in=own_records(user))),
    )


def rows_of_place(place: Place) -> PlaceRows:
    """One question for each kind. A service account is none of its people, one that was removed is still named."""
    services, here = ServiceAccount.objects.none(), {"organisation": place}
    if isinstance(place, Entity):
        services, here = ServiceAccount.objects.filter(entity=place), {"entity": place}
    return PlaceRows(
        people=amount_of(memberships_of(place)),
        invitations=amount_of(Invitation.objects.filter(**here)),
        services=amount_of(services),
        settings=amount_of(Setting.objects.filter(**here)),
        acts=amount_of(Event.objects.filter(entity=place.public_id)),
    )
