"""The key of a person's own entity: what the instance has to remember of them for themselves is sealed under it.

A service account has no entity of its own; what is remembered of it is its team's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.teams.models import Entity
from apps.vault.keys import OpenKey
from apps.vault.tree import open_key
from apps.vault.types import NodeId

_known: ContextVar[dict[int, NodeId] | None] = ContextVar("ownlog_own_keys", default=None)


def own_key(user_id: int) -> OpenKey:
    """KeyGone when what is theirs has been erased; Entity.DoesNotExist for an account without an entity."""
    known = _known.get()
    node = None if known is None else known.get(user_id)
    if node is None:
        node = NodeId(_whose(user_id).values_list("vault_node", flat=True).get())
        if known is not None:
            known[user_id] = node
    return open_key(node)


@contextmanager
def own_keys_known() -> Iterator[None]:
    """Remember to the end of this block which key is whose, for who opens many rows of one person. It stays the same one as long
    as it is there."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def has_own_key(user: User) -> bool:
    return _whose(user.pk).exists()


def _whose(user_id: int) -> QuerySet[Entity]:
    return Entity.objects.filter(Q(user_id=user_id) | Q(service_accounts__user_id=user_id))
