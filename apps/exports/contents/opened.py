"""What is sealed in rows that are about a person, opened for that person alone: some at once, in as many questions as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator

from apps.accounts.models import ApiKey, BrowserSession, KeyNetwork
from apps.plans.models import PlanRequest, RequestStep
from apps.plans.queries import reason_of, text_of_step, words_of
from apps.teams.browsers import place_of
from apps.teams.factors import name_of_passkey
from apps.teams.key_networks import network_of_row
from apps.teams.models import Membership, OrganisationMembership
from apps.teams.queries.keys import opened_keys
from apps.vault.tree import open_keys
from apps.vault.types import NodeId
from apps.webhooks.models import Hook
from apps.webhooks.queries import open_hook

Said = list[dict[str, Any]]


def api_keys(rows: Sequence[ApiKey]) -> Said:
    return [{"name": key.name, "only_entity": key.only} for key in opened_keys(rows)]


def key_networks(rows: Sequence[KeyNetwork]) -> Said:
    return [{"network": network_of_row(row)} for row in rows]


def devices(rows: Sequence[BrowserSession]) -> Said:
    return [dict(zip(("browser", "system", "network"), place_of(row), strict=True)) for row in rows]


def second_factors(rows: Sequence[Authenticator]) -> Said:
    passkey = Authenticator.Type.WEBAUTHN
    return [{"name": name_of_passkey(row)} if row.type == passkey else {} for row in rows]


def plan_requests(rows: Sequence[PlanRequest]) -> Said:
    there = _open(row.vault_node for row in rows)
    return [{**_words(row, there), "reason": reason_of(row)} for row in rows]


def _words(row: PlanRequest, there: set[UUID]) -> dict[str, str]:
    words = words_of(row) if row.vault_node in there else None
    return {} if words is None else {"address": words.address, "use": words.use, "evidence": words.evidence}


def plan_request_steps(rows: Sequence[RequestStep]) -> Said:
    there = _open(row.request.vault_node for row in rows)
    return [
        {
            "by": "you" if row.by == row.request.user.public_id else "operators",
            "text": text_of_step(row) if row.request.vault_node in there else "",
        }
        for row in rows
    ]


def places_in_teams(rows: Sequence[Membership]) -> Said:
    return [{"name": row.entity.name if row.entity.erased_at is None else ""} for row in rows]


def places_in_organisations(rows: Sequence[OrganisationMembership]) -> Said:
    return [{"name": row.organisation.name if row.organisation.erased_at is None else ""} for row in rows]


def webhooks(rows: Sequence[Hook]) -> Said:
    _open((row.project or row.entity).vault_node for row in rows)
    return [{"address": open_hook(row).address} for row in rows]


def _open(nodes: Iterable[UUID]) -> set[UUID]:
    """Have the keys of all of these open, with one question; those that are there."""
    return set(open_keys(NodeId(node) for node in nodes))
