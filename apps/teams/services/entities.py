from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.closing import hold_account
from apps.accounts.models import User
from apps.accounts.queries import user_of
from apps.accounts.services import create_user, issue_api_key, require_all_rights, save_new_user
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import Forbidden
from apps.teams.founding import may_create_team
from apps.teams.models import Entity, Membership
from apps.teams.services.invitations import take_up
from apps.teams.services.places import claim_name, usable_name
from apps.teams.types import EntityKind, MemberRole
from apps.vault.tree import create_node, discard_node
from apps.vault.types import NodeId, NodeKind


def create_account(username: str, *, email: str, password: str | None = None) -> User:
    """A person's account together with the entity that will own what they log."""
    with _entity_key() as node, transaction.atomic():
        user = create_user(username, email=email, password=password)
        _own_entity(user, node=node)
    return user


def create_account_with_key(username: str, *, email: str, by: Actor, secret: str | None) -> tuple[User, str]:
    """An account without a password and its first API key, or neither. `secret` is the key to use, if there is one."""
    with _entity_key() as node, transaction.atomic():
        user = create_user(username, email=email, password=None)
        _own_entity(user, node=node)
        _, secret = issue_api_key(user, by=by, secret=secret)
    return user, secret


def register(user: User, *, may_join: Callable[[], bool], invitation: str = "") -> User:
    """Store an account that a sign-up form has filled in, together with its entity.

    `may_join` is asked once more when the account turns out not to be the first: another may have been, meanwhile.
    `invitation` is the secret of one that the account is owed to: it is used in the same act, or there is no account.
    """
    with _entity_key() as node, transaction.atomic():
        save_new_user(user, may_join=may_join)
        _own_entity(user, node=node)
        if invitation and not user.is_superuser:
            take_up(invitation, user=user, by=Actor.person(user))
    return user


def require_may_create_team(actor: Actor) -> None:
    if not may_create_team(actor):
        raise Forbidden(_("A team on this instance takes a plan that has one."))


def found_team(name: str, *, by: Actor) -> Entity:
    """A team of the actor's own making, in which they are the admin."""
    require_all_rights(by)
    require_may_create_team(by)
    return create_team(name, admin=user_of(by), by=by)


def create_team(name: str, *, admin: User, by: Actor) -> Entity:
    """A team with its first admin. Its name may be no account's and no other team's."""
    name = usable_name(name)
    with _entity_key() as node, transaction.atomic():
        hold_account(admin)  # who is closed at this moment would leave a team that nobody can look after
        entity = _add_entity(name, kind=EntityKind.TEAM, user=None, node=node)
        add_member(entity, admin, role=MemberRole.ADMIN)
        record(EventKind.ENTITY_CREATED, subject=entity.public_id, entity=entity.public_id, by=by)
    return entity


def add_member(entity: Entity, user: User, *, role: MemberRole) -> Membership:
    membership, _ = Membership.objects.update_or_create(entity=entity, user=user, defaults={"role": role})
    return membership


@contextmanager
def _entity_key() -> Iterator[NodeId]:
    """A key for the entity that the block stores; taken away again when the block fails."""
    node = create_node(NodeKind.ENTITY, parent=None)
    try:
        yield node
    except BaseException:
        discard_node(node)
        raise


def _own_entity(user: User, *, node: NodeId) -> Entity:
    entity = _add_entity(user.username, kind=EntityKind.PERSONAL, user=user, node=node)
    record(EventKind.ENTITY_CREATED, subject=entity.public_id, entity=entity.public_id, by=Actor.person(user))
    return entity


def _add_entity(name: str, *, kind: EntityKind, user: User | None, node: NodeId) -> Entity:
    claim_name(name)
    return Entity.objects.create(name=name, kind=kind, user=user, vault_node=node)
