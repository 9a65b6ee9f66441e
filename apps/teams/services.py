from __future__ import annotations

from django.db import IntegrityError, transaction

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import create_user, save_new_user
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import Conflict
from apps.teams.models import Entity, Membership
from apps.teams.types import EntityKind, MemberRole
from apps.vault.tree import create_node
from apps.vault.types import NodeKind


def create_account(username: str, *, email: str, password: str | None = None) -> User:
    """A person's account together with the entity that will own what they log."""
    node = create_node(NodeKind.ENTITY, parent=None)
    with transaction.atomic():
        user = create_user(username, email=email, password=password)
        _own_entity(user, node=node)
    return user


def register(user: User) -> User:
    """Store an account that a sign-up form has filled in, together with its entity."""
    node = create_node(NodeKind.ENTITY, parent=None)
    with transaction.atomic():
        save_new_user(user)
        _own_entity(user, node=node)
    return user


@transaction.atomic
def create_team(name: str, *, admin: User, by: Actor) -> Entity:
    """A team with its first admin. Its name may be no account's and no other team's."""
    entity = _add_entity(name.strip().lower(), kind=EntityKind.TEAM, user=None, node=None)
    add_member(entity, admin, role=MemberRole.ADMIN)
    record(EventKind.ENTITY_CREATED, subject=entity.public_id, entity=entity.public_id, by=by)
    return entity


def add_member(entity: Entity, user: User, *, role: MemberRole) -> Membership:
    membership, _ = Membership.objects.update_or_create(entity=entity, user=user, defaults={"role": role})
    return membership


def _own_entity(user: User, *, node: object) -> Entity:
    entity = _add_entity(user.username, kind=EntityKind.PERSONAL, user=user, node=node)
    record(EventKind.ENTITY_CREATED, subject=entity.public_id, entity=entity.public_id, by=Actor.person(user))
    return entity


def _add_entity(name: str, *, kind: EntityKind, user: User | None, node: object | None) -> Entity:
    node = node or create_node(NodeKind.ENTITY, parent=None)
    try:
        with transaction.atomic():
            return Entity.objects.create(name=name, kind=kind, user=user, vault_node=node)
    except IntegrityError:
        raise Conflict("This name is taken.") from None
