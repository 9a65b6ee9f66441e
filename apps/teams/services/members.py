"""Who is what in a team or an organisation. Each act takes the place's row first: of two at once the second sees what the
first left, so that the last admin cannot go through two doors at the same moment."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.names import is_name
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.address import instance_address
from apps.core.background import enqueue
from apps.core.errors import Conflict, Invalid, NotFound
from apps.teams.gate import require_at
from apps.teams.models import Entity, Membership, Organisation, OrganisationMembership
from apps.teams.queries.people import Place, memberships_of
from apps.teams.services.invitations import withdraw_all_of
from apps.teams.services.places import locked, require_person
from apps.teams.types import MemberRole, OrganisationRole

AnyMembership = Membership | OrganisationMembership


def role_named(place: Place, text: str) -> MemberRole | OrganisationRole:
    """The role that a form names; Invalid when there is no such role there."""
    try:
        return OrganisationRole(text) if isinstance(place, Organisation) else MemberRole(text)
    except ValueError:
        raise Invalid(_("There is no such role.")) from None


@transaction.atomic
def change_role(place: Place, person: str, role: MemberRole | OrganisationRole, *, by: Actor) -> None:
    """Make a person of the team or organisation something else there. Conflict for its last admin."""
    place = locked(place)
    require_at(by, Permission.ENTITY_ADMIN, place)
    require_person(by)
    _give(place, _membership(place, person), role, by=by)


@transaction.atomic
def hand_over(place: Place, *, to: str, by: Actor) -> None:
    """Make somebody else the admin and oneself a member, in one act."""
    place = locked(place)
    require_at(by, Permission.ENTITY_ADMIN, place)
    heir, own = _membership(place, to), _membership(place, by.username)
    if heir.pk == own.pk:
        raise Invalid(_("Choose somebody else."))
    roles = OrganisationRole if isinstance(place, Organisation) else MemberRole
    _give(place, heir, roles.ADMIN, by=by)
    _give(place, own, roles.MEMBER, by=by)


@transaction.atomic
def remove_member(place: Place, person: str, *, by: Actor) -> None:
    """Take a person out; the next thing they ask for is answered as to a stranger. Conflict for the last admin."""
    place = locked(place)
    require_at(by, Permission.ENTITY_ADMIN, place)
    require_person(by)
    _end(place, _membership(place, person), EventKind.MEMBER_REMOVED, by=by)


@transaction.atomic
def leave(place: Place, *, by: Actor) -> None:
    """Go by oneself. Conflict for the last admin."""
    place = locked(place)
    require_at(by, Permission.ENTITY_READ, place)
    _end(place, _membership(place, by.username), EventKind.MEMBER_LEFT, by=by)


def _membership(place: Place, person: str) -> AnyMembership:
    held = None
    if is_name(person):
        held = memberships_of(place).select_related("user").filter(user__username=person).first()
    if held is None:
        raise NotFound(_("There is no such person here."))
    return held


def _give(place: Place, held: AnyMembership, role: MemberRole | OrganisationRole, *, by: Actor) -> None:
    before = held.role
    if before == role.value:
        return
    if before == MemberRole.ADMIN.value:
        _refuse_the_last_admin(place, held)
        withdraw_all_of(held.user_id, place, by=by)
    held.role = role.value
    held.save(update_fields=["role"])
    record(
        EventKind.MEMBER_ROLE_CHANGED,
        subject=held.user.public_id,
        entity=place.public_id,
        by=by,
        before=before,
        after=role.value,
    )
    _tell(place, held, by=by)


def _end(place: Place, held: AnyMembership, kind: EventKind, *, by: Actor) -> None:
    if held.role == MemberRole.ADMIN.value:
        _refuse_the_last_admin(place, held)
        withdraw_all_of(held.user_id, place, by=by)
    record(kind, subject=held.user.public_id, entity=place.public_id, by=by, role=held.role)
    held.delete()
    _tell(place, held, by=by)


def _tell(place: Place, held: AnyMembership, *, by: Actor) -> None:
    """Whoever did it themselves knows it."""
    if isinstance(place, Entity) and held.user_id != by.user_id:
        enqueue("teams.tell_of_place", user_id=held.user_id, team_id=place.pk, base=instance_address())


def _refuse_the_last_admin(place: Place, held: AnyMembership) -> None:
    """Somebody who can sign in has to be left who can do everything."""
    others = (
        memberships_of(place).filter(role=MemberRole.ADMIN.value, user__is_active=True).exclude(pk=held.pk)
    )
    if others.exists():
        return
    if isinstance(place, Entity):
        raise Conflict(_("The team would be without an admin. Make somebody else one first."))
    raise Conflict(_("The organisation would be without an admin. Make somebody else one first."))
