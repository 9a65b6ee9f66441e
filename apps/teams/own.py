"""The key of a person's own entity: what the instance has to remember of them for themselves is sealed under it."""

from __future__ import annotations

from apps.accounts.models import User
from apps.teams.models import Entity
from apps.vault.keys import OpenKey
from apps.vault.tree import open_key
from apps.vault.types import NodeId


def own_key(user_id: int) -> OpenKey:
    """KeyGone when what is theirs has been erased; Entity.DoesNotExist for an account without an entity."""
    return open_key(NodeId(Entity.objects.values_list("vault_node", flat=True).get(user_id=user_id)))


def has_own_key(user: User) -> bool:
    return Entity.objects.filter(user=user).exists()
