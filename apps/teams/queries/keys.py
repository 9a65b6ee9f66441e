"""A person's API keys with the names that they gave them, which open only with the person's own key."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey
from apps.accounts.queries import api_keys_of
from apps.core.ids import is_public_id
from apps.teams.key_networks import Network, networks_of
from apps.teams.models import Entity, Organisation
from apps.teams.own import own_key
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import unseal_text

NAME_LABEL = "api_key.name"


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as its owner sees it."""

    public_id: str
    name: str
    hint: str
    scope: Scope
    only: str | None  # the name of the one entity it is good for; None is all, "" is one that is gone
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    is_expired: bool
    networks: list[Network]  # where it was used from, the newest first
    made_by: str = ""  # of a service account's: the name of who made it
    is_left_over: bool = False  # and they are no admin of the team any more


def row_of(key: ApiKey) -> uuid.UUID:
    """What the sealed name is bound to: the hash of the secret, which no other row has."""
    return uuid.UUID(hex=key.secret_sha256_hex[:32])


def keys_of(actor: Actor) -> list[Key]:
    """The actor's own keys that are not revoked, newest first."""
    return opened_keys(api_keys_of(actor))


def names_of_keys(owner: Entity | Organisation, public_ids: Iterable[str]) -> dict[str, str]:
    """What the owner's keys are called, revoked ones too: a person's own, or those of a team's services.

    For callers that hold the owner with ENTITY_AUDIT. A key without a name is known by its last letters.
    """
    wanted = {each for each in public_ids if is_public_id(each)}
    if not wanted or isinstance(owner, Organisation):
        return {}
    theirs = Q(user=owner.user_id) if owner.user_id is not None else Q(user__service_account__entity=owner)
    rows = list(ApiKey.objects.filter(theirs, public_id__in=wanted))
    keys = {user: own_key(user) for user in {row.user_id for row in rows if row.sealed_name is not None}}
    names = {row.public_id: f"…{row.hint}" for row in rows}
    for row in rows:
        if row.sealed_name is not None:
            try:
                sealed = bytes(row.sealed_name)
                names[row.public_id] = unseal_text(
                    keys[row.user_id], sealed, label=NAME_LABEL, row=row_of(row)
                )
            except Tampered as error:
                leave_out(error)
    return names


def opened_keys(rows: Iterable[ApiKey]) -> list[Key]:
    """Keys of one person, with their names."""
    rows = list(rows)
    wanted = {row.only_entity for row in rows if row.only_entity is not None}
    names = dict(Entity.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}
    named = next((row for row in rows if row.sealed_name is not None), None)
    own = own_key(named.user_id) if named else None
    networks = networks_of(rows)
    return [_opened(row, names, own, networks.get(row.pk, [])) for row in rows]


def _opened(row: ApiKey, names: dict[int, str], own: OpenKey | None, networks: list[Network]) -> Key:
    sealed = row.sealed_name
    return Key(
        row.public_id,
        unseal_text(own, sealed, label=NAME_LABEL, row=row_of(row)) if own and sealed is not None else "",
        row.hint,
        Scope(row.scope),
        None if row.only_entity is None else names.get(row.only_entity, ""),
        row.created_at,
        row.last_used_at,
        row.expires_at,
        row.is_expired,
        networks,
    )
