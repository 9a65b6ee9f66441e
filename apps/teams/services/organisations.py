from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.closing import hold_account
from apps.accounts.names import is_name
from apps.accounts.queries import user_of
from apps.accounts.services import require_all_rights
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import Conflict, NotFound
from apps.teams.choices import SettingName
from apps.teams.gate import require, require_in_organisation
from apps.teams.keeping import kept_no_more
from apps.teams.models import Entity, Organisation, OrganisationMembership
from apps.teams.queries.settings import effective
from apps.teams.services.entities import require_may_create_team
from apps.teams.services.places import claim_name, locked, usable_name
from apps.teams.types import EntityKind, OrganisationRole
from apps.vault.tree import create_node, discard_node
from apps.vault.types import NodeKind


@transaction.atomic
def create_organisation(name: str, *, by: Actor) -> Organisation:
    """An organisation with the actor as its first admin. Its name may be no account's, no team's and no other's."""
    require_all_rights(by)
    require_may_create_team(by)
    name, admin = usable_name(name), user_of(by)
    hold_account(admin)  # see create_team
    claim_name(name)
    organisation = Organisation.objects.create(name=name)
    OrganisationMembership.objects.create(
        organisation=organisation, user=admin, role=OrganisationRole.ADMIN.value
    )
    record(
        EventKind.ORGANISATION_CREATED, subject=organisation.public_id, entity=organisation.public_id, by=by
    )
    return organisation


@transaction.atomic
def add_team(organisation: Organisation, team: Entity, *, by: Actor) -> None:
    """Put a team under an organisation, whose settings hold for it from then on. It takes an admin of both."""
    require_in_organisation(by, Permission.ENTITY_ADMIN, organisation=organisation)
    held = _held(team)
    require(by, Permission.ENTITY_ADMIN, entity=held, what="team")
    if held.user_id is not None:
        raise NotFound(_("There is no such team."))
    if held.organisation_id not in (None, organisation.pk):
        raise Conflict(_("This team is in another organisation."))
    if held.organisation_id is None:
        _move(held, organisation)
        record(
            EventKind.ORGANISATION_TEAM_ADDED, subject=held.public_id, entity=organisation.public_id, by=by
        )
    team.organisation = organisation  # what the caller holds is asked for its settings next


@transaction.atomic
def let_team_go(organisation: Organisation, team: str, *, by: Actor) -> None:
    """Take a team out: what the organisation enforced holds no more, but what it closed stays closed until the team opens it.

    It takes an admin of the organisation.
    """
    require_in_organisation(by, Permission.ENTITY_ADMIN, organisation=organisation)
    held = Entity.objects.filter(organisation=organisation, name=team).first() if is_name(team) else None
    if held is None:
        raise NotFound(_("There is no such team."))
    held = _held(held)
    if effective(held, SettingName.PRIVATE_ONLY).is_on:
        kept_no_more([held], by=by)
    _move(held, None)
    record(EventKind.ORGANISATION_TEAM_REMOVED, subject=held.public_id, entity=organisation.public_id, by=by)


@transaction.atomic
def let_all_teams_go(organisation: Organisation, *, by: Actor) -> None:
    """Before what it says to them is deleted: what it closed in them stays closed until they open it. Doing it again finds none."""
    teams = list(Entity.everything.select_for_update().filter(organisation=organisation).order_by("pk"))
    kept = [team for team in teams if effective(team, SettingName.PRIVATE_ONLY).is_on]
    if kept:
        kept_no_more(kept, by=by)
    for team in teams:
        _move(team, None)


def entity_of_registries(organisation: Organisation) -> Entity:
    """Where the organisation's registries lie, made with the first. It is found, told and recorded as the organisation is."""
    fresh = Organisation.objects.select_related("entity").get(pk=organisation.pk)
    if fresh.entity is not None:
        return fresh.entity
    node = create_node(NodeKind.ENTITY, parent=None)
    try:
        with transaction.atomic():
            held = locked(organisation)
            assert isinstance(held, Organisation)
            if held.entity is not None:  # somebody was quicker
                discard_node(node)
                return held.entity
            held.entity = Entity.objects.create(
                public_id=held.public_id, name=held.name, kind=EntityKind.ORGANISATION, vault_node=node
            )
            held.save(update_fields=["entity"])
    except BaseException:
        discard_node(node)
        raise
    return held.entity


def _held(team: Entity) -> Entity:
    fresh = locked(team)
    assert isinstance(fresh, Entity)
    return fresh


def _move(team: Entity, organisation: Organisation | None) -> None:
    team.organisation = organisation
    team.save(update_fields=["organisation"])
