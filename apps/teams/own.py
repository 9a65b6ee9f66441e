"""The key of a person's own entity: what the instance has to remember of them for themselves is sealed under it.

A service account has no entity of its own; what is remembered of it is its team's.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.teams.models import Entity
from apps.vault.keys import OpenKey
from apps.vault.tree import open_key
from apps.vault.types import NodeId


def own_key(user_id: int) -> OpenKey:
    """KeyGone when what is theirs has been erased; Entity.DoesNotExist for an account without an entity."""
    return open_key(NodeId(_whose(user_id).values_list("vault_node", flat=True).get()))


def has_own_key(user: User) -> bool:
    return _whose(user.pk).exists()


def _whose(user_id: int) -> QuerySet[Entity]:
    return Entity.objects.filter(Q(user_id=user_id) | Q(service_accounts__user_id=user_id))
