"""The one gate: looks up what somebody is in an entity, asks the table, and raises.

Outsiders are told that there is nothing; insiders without the right, that they may not.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.access.policy import Permission, Role, Visibility, allows
from apps.accounts.actors import Actor
from apps.core.errors import Forbidden, NotFound
from apps.teams.models import Entity, Membership, Organisation, OrganisationMembership
from apps.teams.types import OrganisationRole


def role_in(actor: Actor, entity: Entity) -> Role:
    return roles_in(actor, [entity])[entity.pk]


def roles_in(actor: Actor, entities: Iterable[Entity]) -> dict[int, Role]:
    """What the actor is in each of these, by primary key, with one question at most."""
    entities = list(entities)
    if actor.user_id is None:
        return {entity.pk: Role.NOBODY for entity in entities}
    roles = {
        entity.pk: Role.ADMIN if entity.user_id == actor.user_id else Role.STRANGER for entity in entities
    }
    teams = [entity.pk for entity in entities if entity.user_id is None]
    if teams:
        given = Membership.objects.filter(entity__in=teams, user_id=actor.user_id).values_list(
            "entity_id", "role"
        )
        roles.update((entity_id, Role(role)) for entity_id, role in given)
    return roles


def may(
    actor: Actor, permission: Permission, *, entity: Entity, visibility: Visibility | None = None
) -> bool:
    return allows(permission, role=role_in(actor, entity), visibility=visibility)


def require(
    actor: Actor, permission: Permission, *, entity: Entity, visibility: Visibility | None = None, what: str
) -> None:
    """Pass, or raise NotFound to those who may not even see it and Forbidden to those who may.

    `what` names the kind of thing in the message ("project"), never the thing.
    """
    role = role_in(actor, entity)
    if allows(permission, role=role, visibility=visibility):
        return
    seeing = Permission.ENTITY_READ if visibility is None else Permission.PROJECT_READ
    if allows(seeing, role=role, visibility=visibility):
        raise Forbidden(f"You may see this {what}, but your role does not allow {permission}.")
    raise NotFound(f"There is no such {what}, or it is not shared with you.")


# What somebody is in an organisation, in the words of the table: its members may look, and nothing in its teams.
_ORGANISATION_ROLES = {OrganisationRole.ADMIN: Role.ADMIN, OrganisationRole.MEMBER: Role.VIEWER}


def role_in_organisation(actor: Actor, organisation: Organisation) -> Role:
    if actor.user_id is None:
        return Role.NOBODY
    given = OrganisationMembership.objects.filter(organisation=organisation, user_id=actor.user_id)
    role = given.values_list("role", flat=True).first()
    return _ORGANISATION_ROLES[OrganisationRole(role)] if role else Role.STRANGER


def require_in_organisation(actor: Actor, permission: Permission, *, organisation: Organisation) -> None:
    """`require`, for what is the organisation's own: its people, its settings, which teams it holds."""
    role = role_in_organisation(actor, organisation)
    if allows(permission, role=role):
        return
    if allows(Permission.ENTITY_READ, role=role):
        raise Forbidden(f"You may see this organisation, but your role does not allow {permission}.")
    raise NotFound("There is no such organisation, or it is not shared with you.")
