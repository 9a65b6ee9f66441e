"""A team's own accounts for scripts, with the names that open with the team's key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Count, Max, Q, QuerySet

from apps.access.policy import Permission
from apps.accounts.actors import SYSTEM_ID, Actor
from apps.accounts.models import ApiKey
from apps.accounts.queries import keys_of_service, names_of, names_of_authors
from apps.audit.events import EventKind
from apps.audit.queries import authors
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.teams.gate import those_where
from apps.teams.models import Entity, Membership, ServiceAccount
from apps.teams.queries.hiding import hidden_from
from apps.teams.queries.keys import Key, opened_keys
from apps.teams.types import MemberRole
from apps.vault.keys import OpenKey
from apps.vault.seal import unseal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId

NAME_LABEL = "service_account.name"


@dataclass(frozen=True, slots=True)
class Service:
    """A service account as its team sees it."""

    public_id: str
    user_public_id: str
    handle: str  # what stands for it where names of users stand
    name: str
    role: str
    made_by: str
    created_at: datetime
    keys: int  # that are not revoked
    last_used_at: datetime | None


def service_accounts_in(team: Entity) -> list[Service]:
    """The team's services, the oldest first."""
    unrevoked = Q(user__api_keys__isnull=False, user__api_keys__revoked_at=None)
    rows = (
        ServiceAccount.objects.filter(entity=team, removed_at=None)
        .select_related("user", "made_by")
        .annotate(keys=Count("user__api_keys", filter=unrevoked), used_at=Max("user__api_keys__last_used_at"))
        .order_by("pk")
    )
    held = Membership.objects.filter(entity=team, user__is_service=True)
    roles, key = dict(held.values_list("user_id", "role")), open_key(NodeId(team.vault_node))
    return [
        Service(
            public_id=row.public_id,
            user_public_id=row.user.public_id,
            handle=row.user.username,
            name=name_of_service(row, key),
            role=roles.get(row.user_id, ""),
            made_by=row.made_by.username if row.made_by else "",
            created_at=row.created_at,
            keys=row.keys,
            last_used_at=row.used_at,
        )
        for row in rows
    ]


def count_service_accounts(team: Entity) -> int:
    return ServiceAccount.objects.filter(entity=team, removed_at=None).count()


def name_of_service(row: ServiceAccount, key: OpenKey) -> str:
    return unseal_text(key, row.sealed_name, label=NAME_LABEL, row=row.uuid)


def get_service_account(team: Entity, public_id: str) -> ServiceAccount:
    """One of a team that was held with the right; NotFound for one that was removed."""
    found = None
    if is_public_id(public_id):
        rows = ServiceAccount.objects.select_related("user")
        found = rows.filter(entity=team, public_id=public_id, removed_at=None).first()
    if found is None:
        raise NotFound("There is no such service account.")
    return found


def keys_of_service_account(account: ServiceAccount) -> list[Key]:
    """Its keys that are not revoked, newest first."""
    return opened_keys(keys_of_service(account.user))


def keys_with_makers(actor: Actor, account: ServiceAccount) -> list[Key]:
    """The keys of an account that is held, with who made each: whoever was an admin may have kept the secret."""
    keys = keys_of_service_account(account)
    makers = authors(EventKind.API_KEY_ISSUED, subjects=[key.public_id for key in keys])
    names, left = audited_names(actor, makers.values()), _left_over(account.entity_id, makers)
    return [
        replace(key, made_by=names.get(makers.get(key.public_id, ""), ""), is_left_over=key.public_id in left)
        for key in keys
    ]


def left_over_keys(team: Entity) -> list[ApiKey]:
    """Of a team that is held: the keys of its services whose maker is no admin of it any more, and may have kept the secret."""
    rows = ApiKey.objects.filter(user__service_account__entity=team, revoked_at=None).order_by("pk")
    keys = list(rows)
    makers = authors(EventKind.API_KEY_ISSUED, subjects=[key.public_id for key in keys]) if keys else {}
    left = _left_over(team.pk, makers) if makers else set()
    return [key for key in keys if key.public_id in left]


def _left_over(team: int, makers: Mapping[str, str]) -> set[str]:
    """Those of these keys that were made by somebody who is no admin of the team now."""
    held = Membership.objects.filter(entity=team, role=MemberRole.ADMIN.value)
    may_hold = {*held.values_list("user__public_id", flat=True), SYSTEM_ID}
    return {key for key, maker in makers.items() if maker not in may_hold}


def author_names(actor: Actor, user_ids: Iterable[int | None]) -> dict[int, str]:
    """What pages call those who made something: a person by the user name, a service by its name for who is in its team.

    Whoever is hidden from the actor is left out, as is who has gone.
    """
    wanted = set(user_ids)
    names = names_of(wanted - hidden_from(actor, wanted))
    services = [each for each, name in names.items() if is_handle(name)]
    rows = ServiceAccount.objects.filter(user__in=services)
    return names | ({row.user_id: name for row, name in _seen_by(actor, rows)} if services else {})


def audited_names(actor: Actor, audit_ids: Iterable[str]) -> dict[str, str]:
    """`author_names` for those whom the audit record knows by these ids."""
    names = names_of_authors(audit_ids)
    services = [each for each, name in names.items() if is_handle(name)]
    rows = ServiceAccount.objects.filter(user__public_id__in=services)
    return names | ({row.user.public_id: name for row, name in _seen_by(actor, rows)} if services else {})


def _seen_by(actor: Actor, rows: QuerySet[ServiceAccount]) -> Iterator[tuple[ServiceAccount, str]]:
    services = list(rows.select_related("entity", "user"))
    seen = those_where(actor, Permission.ENTITY_READ, {row.entity for row in services})
    keys = {team.pk: open_key(NodeId(team.vault_node)) for team in seen}
    for row in services:
        if row.entity_id in keys:
            yield row, name_of_service(row, keys[row.entity_id])


# No person, team or organisation can be called so: a dot is in none of their names.
HANDLE_START = "service."


def is_handle(username: str) -> bool:
    """Is this what stands for a service where names of users stand?"""
    return username.startswith(HANDLE_START)
