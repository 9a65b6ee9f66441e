"""Invitations: made by an admin, used once by whoever brings the secret, and silent about who has an account."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Collection
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.addresses import address_as_stored
from apps.accounts.models import User
from apps.accounts.names import as_stored
from apps.accounts.queries import hash_of_secret, user_of
from apps.accounts.services import require_all_rights
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Conflict, Invalid, NotFound, TooMuch
from apps.core.ids import is_public_id
from apps.teams.gate import require_at
from apps.teams.models import Entity, Invitation, Membership, Organisation, OrganisationMembership
from apps.teams.notices import send_invitation
from apps.teams.queries.finding import person_in_common
from apps.teams.queries.people import EMAIL_LABEL, Place, memberships_of, place_of, usable_invitation
from apps.teams.services.places import locked, require_person
from apps.teams.types import MemberRole, OrganisationRole
from apps.vault.seal import seal_text, unseal_text
from apps.vault.tree import open_key, open_keys
from apps.vault.types import NodeId

LIFETIME = timedelta(days=7)
KEPT = timedelta(days=30)  # after it has ended, so that who used it is still shown the way
# Of one team, and of one person in all of theirs: mail goes to addresses that nobody has confirmed.
MOST_A_DAY = 100


@transaction.atomic
def invite(
    place: Place, *, role: MemberRole | OrganisationRole, by: Actor, email: str = ""
) -> tuple[Invitation, str]:
    """An invitation and its secret, which nobody can read again. `email` is where the caller is going to send it.

    No account is looked up: what is answered is the same whether the address has one or not.
    """
    place = locked(place)
    require_at(by, Permission.ENTITY_ADMIN, place)
    require_person(by)
    email = _address(place, email) if email else ""
    _require_few(place, by)
    secret, row = secrets.token_urlsafe(32), uuid.uuid4()
    invitation = Invitation.objects.create(
        uuid=row,
        entity=place if isinstance(place, Entity) else None,
        organisation=place if isinstance(place, Organisation) else None,
        role=role.value,
        secret_sha256_hex=hash_of_secret(secret),
        sealed_email=_sealed(place, email, row) if isinstance(place, Entity) and email else None,
        invited_by_id=by.user_id,
        expires_at=clock.now() + LIFETIME,
    )
    record(
        EventKind.INVITATION_MADE,
        subject=invitation.public_id,
        entity=place.public_id,
        by=by,
        role=role.value,
        by_mail=bool(email),
    )
    return invitation, secret


def invite_by_mail(
    team: Entity, *, to: str, role: MemberRole, by: Actor, url_of: Callable[[str], str]
) -> Invitation:
    """An invitation whose link is nowhere but in the mail: one that no server takes is withdrawn, and Conflict.

    `to` is an address, or the user name of somebody in a team of the actor's; of anybody else one hears the same as of
    nobody. `url_of` makes the link of the secret.
    """
    is_address = "@" in to
    person = None if is_address else person_in_common(by, as_stored(to.strip()))
    if not is_address and person is None:
        raise Invalid(_("Nobody of this user name is in a team with you. Invite by the e-mail address."))
    if person is not None and memberships_of(team).filter(user=person).exists():
        raise Conflict(_("They are in already."))
    # The address of a person whom one knows by name is not shown to the team's admins.
    invitation, secret = invite(team, role=role, by=by, email=to if is_address else "")
    address = _address(team, to) if person is None else person.email
    if not send_invitation(address, team=team.name, url=url_of(secret)):
        revoke_invitation(team, invitation.public_id, by=by)
        raise Conflict(_("No mail went out from this instance. Make a link on the team’s page instead."))
    return invitation


@transaction.atomic
def revoke_invitation(place: Place, public_id: str, *, by: Actor) -> None:
    """Withdraw one that nobody has used. Twice is allowed."""
    require_at(by, Permission.ENTITY_ADMIN, place)
    invitation = _of(place).filter(public_id=public_id).first() if is_public_id(public_id) else None
    if invitation is None:
        raise NotFound(_("There is no such invitation."))
    _withdraw(invitation, place, by=by)


def withdraw_all_of(user_id: int, place: Place, *, by: Actor) -> None:
    """End what somebody who is no admin any more left open: it would let them back in."""
    for invitation in _of(place).filter(invited_by=user_id, used_at=None, revoked_at=None):
        _withdraw(invitation, place, by=by)


def withdraw_all_to(addresses: Collection[str], *, by: Actor) -> None:
    """End what was mailed to these addresses and can still be used: whose they were is being erased. All that wait are opened,
    for an address is found no other way; they wait for a week at most."""
    wanted = {as_stored(each) for each in addresses}
    rows = Invitation.objects.filter(used_at=None, revoked_at=None, entity__isnull=False)
    waiting = rows.exclude(sealed_email=None).select_related("entity").order_by("pk")
    for invitation in waiting.iterator(chunk_size=200):
        team = invitation.entity
        assert team is not None and invitation.sealed_email is not None
        key = open_keys([NodeId(team.vault_node)]).get(NodeId(team.vault_node))
        if key is None:  # the team is being erased
            continue
        address = unseal_text(key, invitation.sealed_email, label=EMAIL_LABEL, row=invitation.uuid)
        if as_stored(address) in wanted:
            _withdraw(invitation, team, by=by)


def accept_invitation(secret: str, *, by: Actor) -> Place:
    """Come in with what the invitation says. NotFound when it has ended; Conflict for whoever is in already."""
    require_all_rights(by)
    return take_up(secret, user=user_of(by), by=by)


@transaction.atomic
def take_up(secret: str, *, user: User, by: Actor) -> Place:
    """Use an invitation for this account. Of two who come at once the first is in and the other finds it ended."""
    # The place first, as in every act on its people; then what was read before may have changed, so it is read again.
    place = locked(place_of(usable_invitation(secret)))
    invitation = usable_invitation(secret)
    if memberships_of(place).filter(user=user).exists():
        raise Conflict(_("You are in already. The invitation can still be used by somebody else."))
    used = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None).update(
        used_at=clock.now(), used_by=user, sealed_email=None
    )
    if not used:
        raise NotFound(_("This invitation does not work any more."))
    if isinstance(place, Organisation):
        OrganisationMembership.objects.create(organisation=place, user=user, role=invitation.role)
    else:
        Membership.objects.create(entity=place, user=user, role=invitation.role)
    record(
        EventKind.INVITATION_ACCEPTED,
        subject=invitation.public_id,
        entity=place.public_id,
        by=by,
        role=invitation.role,
    )
    return place


def forget_ended() -> None:
    """Drop the addresses of invitations that have run out, and a while later the invitations themselves."""
    now = clock.now()
    Invitation.objects.filter(expires_at__lte=now).exclude(sealed_email=None).update(sealed_email=None)
    long_ago = now - KEPT
    Invitation.objects.filter(
        Q(expires_at__lte=long_ago) | Q(used_at__lte=long_ago) | Q(revoked_at__lte=long_ago)
    ).delete()


def _of(place: Place) -> QuerySet[Invitation]:
    if isinstance(place, Organisation):
        return Invitation.objects.filter(organisation=place)
    return Invitation.objects.filter(entity=place)


def _require_few(place: Place, by: Actor) -> None:
    """Whoever founds another team has no more invitations by it."""
    today = Q(created_at__gt=clock.now() - timedelta(days=1))
    for made in (_of(place), Invitation.objects.filter(invited_by=by.user_id)):
        if made.filter(today).count() >= MOST_A_DAY:
            raise TooMuch(
                _("No more than %(most)d invitations a day. Try again tomorrow.") % {"most": MOST_A_DAY}
            )


def _withdraw(invitation: Invitation, place: Place, *, by: Actor) -> None:
    ended = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None).update(
        revoked_at=clock.now(), sealed_email=None
    )
    if ended:
        record(EventKind.INVITATION_REVOKED, subject=invitation.public_id, entity=place.public_id, by=by)


def _address(place: Place, email: str) -> str:
    if isinstance(place, Organisation):
        raise Invalid(_("People are invited to an organisation by a link."))
    try:
        return address_as_stored(email)
    except ValidationError:
        raise Invalid(_("This is not an e-mail address.")) from None


def _sealed(team: Entity, email: str, row: uuid.UUID) -> bytes:
    return seal_text(open_key(NodeId(team.vault_node)), email, label=EMAIL_LABEL, row=row)
