"""Who is in a team or an organisation, and who may still come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, When

from apps.access.policy import Permission, Role
from apps.accounts.actors import Actor
from apps.accounts.names import as_stored, is_name
from apps.accounts.queries import hash_of_secret
from apps.core import clock
from apps.core.errors import NotFound
from apps.teams.gate import require_in_organisation, roles_in
from apps.teams.models import Entity, Invitation, Membership, Organisation, OrganisationMembership
from apps.teams.queries.entities import get_entity, role_counts, teams_of
from apps.teams.types import MemberRole
from apps.vault.seal import unseal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId

Place = Entity | Organisation
EMAIL_LABEL = "invitation.email"
_OF_PERSON = ("user__username", "role", "created_at", "user__public_id")
_NO_TEAM = "There is no such team, or it is not shared with you."
_NO_ORGANISATION = "There is no such organisation, or it is not shared with you."
_NO_INVITATION = "This invitation does not work."


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a team or an organisation."""

    name: str
    role: str
    since: datetime
    public_id: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """An invitation that can still be used."""

    public_id: str
    role: str
    email: str  # empty for a link that was handed over
    invited_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Mine:
    """A team or an organisation that the actor is in."""

    name: str
    role: Role
    people: int
    organisation: str = ""


def get_team(actor: Actor, permission: Permission, *, name: str) -> Entity:
    """The team called `name`, for this purpose. Somebody's own entity is none."""
    team = get_entity(actor, permission, name=name)
    if team.user_id is not None:
        raise NotFound(_NO_TEAM)
    return team


def get_organisation(actor: Actor, permission: Permission, *, name: str) -> Organisation:
    """The organisation called `name`, for this purpose."""
    name = as_stored(name)
    organisation = Organisation.objects.filter(name=name).first() if is_name(name) else None
    if organisation is None:
        raise NotFound(_NO_ORGANISATION)
    require_in_organisation(actor, permission, organisation=organisation)
    return organisation


def seen_organisation(actor: Actor, name: str) -> Organisation:
    """The organisation called `name`, for its people and for those of its teams: what is told of it is its name and registries."""
    try:
        return get_organisation(actor, Permission.ENTITY_READ, name=name)
    except NotFound:
        there = teams_of(actor).filter(organisation__erased_at=None)
        mine = there.filter(organisation__name=as_stored(name)) if is_name(as_stored(name)) else None
        team = mine.select_related("organisation").first() if mine is not None else None
        if team is None or team.organisation is None:
            raise
        return team.organisation


def seen_organisations(actor: Actor) -> list[Organisation]:
    """Those that the actor or a team of theirs is in, by name."""
    if actor.user_id is None or actor.only_entity is not None:
        return []
    mine = Q(memberships__user_id=actor.user_id) | Q(teams__in=teams_of(actor))
    return list(Organisation.objects.filter(mine).distinct().order_by("name"))


def my_teams(actor: Actor) -> list[Mine]:
    """The teams of the actor with their role in each, by name."""
    teams = list(teams_of(actor).select_related("organisation"))
    roles, counts = roles_in(actor, teams), role_counts(actor)
    return [
        Mine(
            team.name,
            roles[team.pk],
            counts[team.pk].total(),
            team.organisation.name if team.organisation else "",
        )
        for team in teams
    ]


def organisations_of(actor: Actor) -> list[Organisation]:
    """Those that the actor is in, by name. A key for one entity is nobody's in any."""
    if actor.user_id is None or actor.only_entity is not None:
        return []
    return list(Organisation.objects.filter(memberships__user_id=actor.user_id).order_by("name"))


def my_organisations(actor: Actor) -> list[Mine]:
    """The organisations of the actor with their role in each, by name."""
    if actor.user_id is None:
        return []
    held = (
        OrganisationMembership.objects.filter(user_id=actor.user_id, organisation__erased_at=None)
        .annotate(
            people=Count(
                "organisation__memberships", filter=Q(organisation__memberships__user__erased_at=None)
            )
        )
        .order_by("organisation__name")
    )
    return [
        Mine(name, Role(role), people)
        for name, role, people in held.values_list("organisation__name", "role", "people")
    ]


def teams_in(organisation: Organisation) -> list[str]:
    """The names of the teams under an organisation."""
    return list(
        Entity.objects.filter(organisation=organisation).order_by("name").values_list("name", flat=True)
    )


def names_of_teams(public_ids: Iterable[str]) -> dict[str, str]:
    """The names of teams by public id; those that are gone are left out."""
    wanted = set(public_ids)
    rows = Entity.objects.filter(public_id__in=wanted, user=None).values_list("public_id", "name")
    return dict(rows) if wanted else {}


def is_name_in_use(name: str) -> bool:
    """Has a person, a team or an organisation this name? For forms; `claim_name` asks when it counts."""
    return is_name(name) and (
        # Also that of one which is being erased, and may be taken back.
        Entity.everything.filter(name=name).exists() or Organisation.everything.filter(name=name).exists()
    )


def memberships_of(place: Place) -> QuerySet[Membership] | QuerySet[OrganisationMembership]:
    """Of people: a team's service accounts are no one who is counted, chosen or left as the last admin. Nor is who is being erased."""
    if isinstance(place, Organisation):
        return OrganisationMembership.objects.filter(organisation=place, user__erased_at=None)
    return Membership.objects.filter(entity=place, user__is_service=False, user__erased_at=None)


def people_in(place: Place) -> list[Person]:
    """Everybody in the team or organisation: admins first, viewers last, each by name."""
    order = Case(*(When(role=role.value, then=rank) for rank, role in enumerate(MemberRole)))
    rows = memberships_of(place).order_by(order, "user__username")
    return [Person(*row) for row in rows.values_list(*_OF_PERSON)]


def usable_invitations() -> QuerySet[Invitation]:
    """Neither used, revoked nor too old, made by somebody who is an admin there to this day, and to nothing that is suspended or
    being erased."""
    by_team_admin = Membership.objects.filter(
        entity=OuterRef("entity"),
        entity__erased_at=None,
        user=OuterRef("invited_by"),
        role=MemberRole.ADMIN.value,
    )
    by_organisation_admin = OrganisationMembership.objects.filter(
        organisation=OuterRef("organisation"), user=OuterRef("invited_by"), role=MemberRole.ADMIN.value
    )
    return Invitation.objects.filter(
        Q(Exists(by_team_admin)) | Q(Exists(by_organisation_admin)),
        Q(entity=None) | Q(entity__suspended_at=None, entity__erased_at=None),
        Q(organisation=None) | Q(organisation__erased_at=None),
        used_at=None,
        revoked_at=None,
        expires_at__gt=clock.now(),
        invited_by__is_active=True,
    )


def usable_invitation(secret: str) -> Invitation:
    """The invitation behind this secret. One that never was and one that has ended are the same."""
    found = (
        usable_invitations()
        .filter(secret_sha256_hex=hash_of_secret(secret))
        .select_related("entity", "organisation")
        .first()
    )
    if found is None:
        raise NotFound(_NO_INVITATION)
    return found


def is_usable_invitation(secret: str) -> bool:
    return bool(secret) and usable_invitations().filter(secret_sha256_hex=hash_of_secret(secret)).exists()


def is_team(place: Place) -> bool:
    return isinstance(place, Entity)


def place_of(invitation: Invitation) -> Place:
    place = invitation.entity or invitation.organisation
    assert place is not None, "a constraint of the table"
    return place


def joined_by(actor: Actor, secret: str) -> Place | None:
    """Where this invitation led the actor, if it was they who used it."""
    used = (
        Invitation.objects.filter(
            Q(entity=None) | Q(entity__erased_at=None),
            Q(organisation=None) | Q(organisation__erased_at=None),
            secret_sha256_hex=hash_of_secret(secret),
            used_by_id=actor.user_id,
            used_at__isnull=False,
        )
        .select_related("entity", "organisation")
        .first()
    )
    return place_of(used) if used and actor.is_signed_in else None


def pending_in(place: Place) -> list[Pending]:
    """The invitations that can still be used, newest first, with the addresses they went to."""
    whose = Q(organisation=place) if isinstance(place, Organisation) else Q(entity=place)
    rows = usable_invitations().filter(whose).select_related("invited_by").order_by("-id")
    return [
        Pending(
            row.public_id,
            row.role,
            _email_of(row, place),
            row.invited_by.username if row.invited_by else "",
            row.created_at,
            row.expires_at,
        )
        for row in rows
    ]


def _email_of(row: Invitation, place: Place) -> str:
    if row.sealed_email is None or isinstance(place, Organisation):
        return ""
    return unseal_text(open_key(NodeId(place.vault_node)), row.sealed_email, label=EMAIL_LABEL, row=row.uuid)
