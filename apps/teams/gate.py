"""The one gate: looks up what somebody is in an entity, asks the table, and raises.

Outsiders are told that there is nothing; insiders without the right, that they may not. What somebody may do by an
API key is less by the key's scope and only_entity, here and nowhere else. Projects have a gate of their own on top
of this one: `projects.gate`.
"""

from __future__ import annotations

from collections.abc import Iterable

from apps.access.policy import GRANTS, Permission, Role, Scope, allows
from apps.accounts.actors import Actor
from apps.core.errors import Forbidden, NotFound, Suspended
from apps.core.rows import find_row
from apps.teams.models import Entity, Membership, Organisation, OrganisationMembership
from apps.teams.types import EntityKind, OrganisationRole

_INSIDE = frozenset({Role.ADMIN, Role.MEMBER, Role.VIEWER})
# What somebody wanted, in the words of whoever reads that they may not.
_DOING = {
    Permission.ENTITY_ADMIN: "change settings, people and keys",
    Permission.ENTITY_AUDIT: "read who saw what",
    Permission.ENTITY_READ: "look at it",
    Permission.FILE_ERASE: "erase files",
    Permission.FILE_READ: "read files",
    Permission.FILE_WRITE: "store files",
    Permission.PROJECT_ADMIN: "change settings",
    Permission.PROJECT_CREATE: "make projects",
    Permission.PROJECT_ERASE: "erase projects",
    Permission.PROJECT_EXPORT: "export projects",
    Permission.PROJECT_READ: "look at projects",
    Permission.PROJECT_SHARE: "change who sees projects",
    Permission.PROJECT_WRITE: "change projects",
    Permission.RUN_CREATE: "log runs",
    Permission.RUN_ERASE: "erase runs",
    Permission.RUN_READ: "read runs",
    Permission.RUN_WRITE: "change runs",
}


def role_in(actor: Actor, entity: Entity) -> Role:
    return roles_in(actor, [entity])[entity.pk]


def roles_in(actor: Actor, entities: Iterable[Entity]) -> dict[int, Role]:
    """What the actor is in each of these, by primary key, with one question at most."""
    entities = list(entities)
    roles = {entity.pk: Role.NOBODY for entity in entities}
    if actor.user_id is None:
        return roles
    within = [entity for entity in entities if actor.only_entity in (None, entity.pk)]
    roles |= {
        entity.pk: Role.ADMIN if entity.user_id == actor.user_id else Role.STRANGER for entity in within
    }
    teams = [entity.pk for entity in within if entity.user_id is None]
    if len(teams) == 1:  # of every request for something of a team
        held = find_row(Membership, entity=teams[0], user=actor.user_id)
        if held is not None:
            roles[teams[0]] = Role(held.role)
    elif teams:
        given = Membership.objects.filter(entity__in=teams, user_id=actor.user_id).values_list(
            "entity_id", "role"
        )
        roles.update((entity_id, Role(role)) for entity_id, role in given)
    return roles


def may(actor: Actor, permission: Permission, *, entity: Entity) -> bool:
    return entity.is_open and allows(permission, role=role_in(actor, entity), scope=actor.scope)


def those_where(actor: Actor, permission: Permission, entities: Iterable[Entity]) -> list[Entity]:
    """Those of these entities in which the actor may do this, with one question at most."""
    entities = [entity for entity in entities if entity.is_open]
    roles = roles_in(actor, entities)
    return [each for each in entities if allows(permission, role=roles[each.pk], scope=actor.scope)]


def require(actor: Actor, permission: Permission, *, entity: Entity, what: str) -> None:
    """Pass, or raise NotFound to those who may not even see it and Forbidden to those who may.

    `what` names the kind of thing in the message ("entity"), never the thing.
    """
    role = role_in(actor, entity)
    require_open(entity, role, what=what)
    if allows(permission, role=role, scope=actor.scope):
        return
    raise _refusal_of(actor, permission, role, what=what)


def require_open(entity: Entity, role: Role, *, what: str) -> None:
    """Pass unless the operators have suspended the entity: its own people are told so, to others it is not there.

    One that is being erased is there for nobody.
    """
    if entity.erased_at is not None:
        raise NotFound(f"There is no such {what}, or it is not shared with you.")
    if entity.suspended_at is not None and role in _INSIDE:
        raise Suspended("The operators have suspended this. What is in it is kept.")
    if entity.suspended_at is not None:
        raise NotFound(f"There is no such {what}, or it is not shared with you.")


def _refusal_of(actor: Actor, permission: Permission, role: Role, *, what: str) -> NotFound | Forbidden:
    sees = allows(Permission.ENTITY_READ, role=role, scope=actor.scope)
    return refusal(permission, what=what, sees=sees, by_scope=permission in GRANTS[role], scope=actor.scope)


def refusal(
    permission: Permission, *, what: str, sees: bool, by_scope: bool, scope: Scope
) -> NotFound | Forbidden:
    """What somebody is told who may not: that there is nothing, or what keeps them, their role or their key."""
    if not sees:
        return NotFound(f"There is no such {what}, or it is not shared with you.")
    if by_scope:
        return Forbidden(
            f"Your role in this {what} allows to {_DOING[permission]}, but the scope {scope} of this API key does not."
        )
    return Forbidden(
        f"You may see this {what}, but your role does not allow to {_DOING[permission]}. "
        "Its owner or an admin can give you more."
    )


# What somebody is in an organisation, in the words of the table: its members may look, and nothing in its teams.
_ORGANISATION_ROLES = {OrganisationRole.ADMIN: Role.ADMIN, OrganisationRole.MEMBER: Role.VIEWER}


def role_in_organisation(actor: Actor, organisation: Organisation) -> Role:
    """A key for one entity is nobody's in an organisation, also in that of the entity."""
    if actor.user_id is None or actor.only_entity is not None:
        return Role.NOBODY
    given = OrganisationMembership.objects.filter(organisation=organisation, user_id=actor.user_id)
    role = given.values_list("role", flat=True).first()
    return _ORGANISATION_ROLES[OrganisationRole(role)] if role else Role.STRANGER


def roles_in_registries(actor: Actor, entities: Iterable[Entity]) -> dict[int, Role]:
    """What the actor is where the registries of organisations lie, by primary key, with two questions at most.

    Whoever is in a team of the organisation may look as its own people may. A key for one entity is nobody's.
    """
    entities = [entity for entity in entities if entity.kind == EntityKind.ORGANISATION]
    roles = {entity.pk: Role.NOBODY if actor.user_id is None else Role.STRANGER for entity in entities}
    if not roles or actor.user_id is None or actor.only_entity is not None:
        return roles
    # Nobody is in a team that is being erased.
    teams = Membership.objects.filter(
        entity__organisation__entity__in=roles, entity__erased_at=None, user_id=actor.user_id
    )
    roles |= dict.fromkeys(teams.values_list("entity__organisation__entity_id", flat=True), Role.VIEWER)
    held = OrganisationMembership.objects.filter(organisation__entity__in=roles, user_id=actor.user_id)
    for pk, role in held.values_list("organisation__entity_id", "role"):
        roles[pk] = _ORGANISATION_ROLES[OrganisationRole(role)]
    return roles


def require_in_organisation(actor: Actor, permission: Permission, *, organisation: Organisation) -> None:
    """`require`, for what is the organisation's own: its people, its settings, which teams it holds."""
    if organisation.erased_at is not None:
        raise NotFound("There is no such organisation, or it is not shared with you.")
    role = role_in_organisation(actor, organisation)
    if not allows(permission, role=role, scope=actor.scope):
        raise _refusal_of(actor, permission, role, what="organisation")


def require_at(actor: Actor, permission: Permission, place: Entity | Organisation) -> None:
    """`require`, for what is the same in a team and in an organisation: people and invitations."""
    if isinstance(place, Organisation):
        require_in_organisation(actor, permission, organisation=place)
    else:
        require(actor, permission, entity=place, what="team")
