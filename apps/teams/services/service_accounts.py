"""Accounts of a team's own, for scripts: made, given keys and removed by its admins, in person or by a key with all their rights."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.queries import keys_of_service
from apps.accounts.services import close_service, create_service, end_key, require_all_rights
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.core.errors import Invalid, NotFound
from apps.core.ids import is_public_id, new_public_id
from apps.teams.gate import require
from apps.teams.models import Entity, Membership, ServiceAccount
from apps.teams.queries.people import Place
from apps.teams.queries.service_accounts import (
    HANDLE_START,
    NAME_LABEL,
    get_service_account,
    left_over_keys,
)
from apps.teams.services.keys import KeyWanted, make_key_of, usable_label
from apps.teams.services.places import locked
from apps.teams.types import MemberRole
from apps.vault.seal import seal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId

MOST_OF_TEAM = 100
_HANDLE_LENGTH = 8


@transaction.atomic
def make_service_account(team: Entity, name: str, *, role: MemberRole, by: Actor) -> ServiceAccount:
    """An account that acts in this team only, by keys only."""
    team = _held(team, by)
    name = usable_label(name)
    if not name:
        raise Invalid(_("It needs a name."))
    if ServiceAccount.objects.filter(entity=team, removed_at=None).count() >= MOST_OF_TEAM:
        raise Invalid(_("A team has at most %(most)d service accounts.") % {"most": MOST_OF_TEAM})
    user, row = create_service(_free_handle()), uuid.uuid4()
    account = ServiceAccount.objects.create(
        uuid=row,
        entity=team,
        user=user,
        sealed_name=seal_text(open_key(NodeId(team.vault_node)), name, label=NAME_LABEL, row=row),
        made_by_id=by.user_id,
    )
    Membership.objects.create(entity=team, user=user, role=role.value)
    record(
        EventKind.SERVICE_ACCOUNT_MADE,
        subject=user.public_id,
        entity=team.public_id,
        by=by,
        role=role.value,
    )
    return account


@transaction.atomic
def change_service_role(team: Entity, public_id: str, role: MemberRole, *, by: Actor) -> None:
    """Let it do more or less in its team from the next request on, whatever its keys were given."""
    team = _held(team, by)
    account = get_service_account(team, public_id)
    held = Membership.objects.select_for_update().get(user=account.user, entity=team)
    before = held.role
    if before == role.value:
        return
    held.role = role.value
    held.save(update_fields=["role"])
    record(
        EventKind.MEMBER_ROLE_CHANGED,
        subject=account.user.public_id,
        entity=team.public_id,
        by=by,
        before=before,
        after=role.value,
    )


@transaction.atomic
def remove_service_account(team: Entity, public_id: str, *, by: Actor) -> None:
    """End it and its keys: the next request that brings one is refused. Runs that it logged stay, under its name."""
    team = _held(team, by)
    account = get_service_account(team, public_id)
    close_service(account.user, entity=team.public_id, by=by)
    Membership.objects.filter(user=account.user).delete()
    account.removed_at = clock.now()
    account.save(update_fields=["removed_at"])
    record(EventKind.SERVICE_ACCOUNT_REMOVED, subject=account.user.public_id, entity=team.public_id, by=by)


@transaction.atomic
def make_service_key(team: Entity, public_id: str, wanted: KeyWanted, *, by: Actor) -> tuple[ApiKey, str]:
    """A key of a service and its secret, which nobody can read again. It is good for the team, whatever was asked."""
    team = _held(team, by)
    account = get_service_account(team, public_id)
    return make_key_of(account.user, wanted, only_entity=team.pk, by=by, entity=team.public_id)


@transaction.atomic
def revoke_service_key(team: Entity, public_id: str, key: str, *, by: Actor) -> None:
    """End one key of a service; the next request that brings it is refused."""
    team = _held(team, by)
    keys = keys_of_service(get_service_account(team, public_id).user).select_for_update(of=("self",))
    found = keys.filter(public_id=key).first() if is_public_id(key) else None
    if found is None:
        raise NotFound(_("There is no such API key."))
    end_key(found, entity=team.public_id, by=by)


@transaction.atomic
def revoke_left_over_keys(team: Entity, *, by: Actor) -> None:
    """End every key of the team's services whose maker is no admin any more; which they are is looked at once more."""
    team = _held(team, by)
    left = [key.pk for key in left_over_keys(team)]
    for key in ApiKey.objects.filter(pk__in=left).order_by("pk").select_for_update(of=("self",)):
        end_key(key, entity=team.public_id, by=by)


def forget_services_without_a_team() -> None:
    """A service's row of users ends with its team. Its keys opened nothing since the team went."""
    User.objects.filter(is_service=True, service_account=None).delete()


def _held(team: Entity, by: Actor) -> Entity:
    """The team's row, for one act at a time. A key that was given less could otherwise make itself a stronger one."""
    place: Place = locked(team)
    assert isinstance(place, Entity)
    require(by, Permission.ENTITY_ADMIN, entity=place, what="team")
    require_all_rights(by)
    if place.user_id is not None:
        raise NotFound(_("There is no such team."))
    return place


def _free_handle() -> str:
    while True:
        handle = HANDLE_START + new_public_id()[:_HANDLE_LENGTH]
        if not User.objects.filter(username=handle).exists():
            return handle
