"""The one gate: looks up what somebody is in an entity, asks the table, and raises.

Outsiders are told that there is nothing; insiders without the right, that they may not.
"""

from __future__ import annotations

from apps.access.policy import Permission, Role, Visibility, allows
from apps.accounts.actors import Actor
from apps.core.errors import Forbidden, NotFound
from apps.teams.models import Entity, Membership



def role_in(actor: Actor, entity: Entity) -> Role:
    if not actor.is_signed_in:
        return Role.NOBODY
    if entity.user_id is not None:
        return Role.ADMIN if entity.user_id == actor.user_id else Role.STRANGER
    role = Membership.objects.filter(entity=entity, user_id=actor.user_id).values_list("role", flat=True).first()
    return Role(role) if role else Role.STRANGER


def may(actor: Actor, permission: Permission, *, entity: Entity, visibility: Visibility | None = None) -> bool:
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
