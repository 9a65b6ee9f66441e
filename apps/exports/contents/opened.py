"""What is sealed in rows that are about a person, opened for that person alone."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator

from apps.accounts.models import ApiKey, BrowserSession, KeyNetwork
from apps.plans.models import PlanRequest, RequestStep
from apps.plans.queries import reason_of, text_of_step, words_of
from apps.teams.browsers import place_of
from apps.teams.factors import name_of_passkey
from apps.teams.key_networks import network_of_row
from apps.teams.models import Membership, OrganisationMembership
from apps.teams.queries.keys import opened_keys
from apps.webhooks.models import Hook
from apps.webhooks.queries import open_hook


def api_key(row: ApiKey) -> dict[str, Any]:
    (key,) = opened_keys([row])
    return {"name": key.name, "only_entity": key.only}


def key_network(row: KeyNetwork) -> dict[str, Any]:
    return {"network": network_of_row(row)}


def device(row: BrowserSession) -> dict[str, Any]:
    browser, system, network = place_of(row)
    return {"browser": browser, "system": system, "network": network}


def second_factor(row: Authenticator) -> dict[str, Any]:
    return {"name": name_of_passkey(row)} if row.type == Authenticator.Type.WEBAUTHN else {}


def plan_request(row: PlanRequest) -> dict[str, Any]:
    words = words_of(row)
    said = {} if words is None else {"address": words.address, "use": words.use, "evidence": words.evidence}
    return {**said, "reason": reason_of(row)}


def plan_request_step(row: RequestStep) -> dict[str, Any]:
    return {"by": "you" if row.by == row.request.user.public_id else "operators", "text": text_of_step(row)}


def place_in_team(row: Membership) -> dict[str, Any]:
    return {"name": row.entity.name if row.entity.erased_at is None else ""}


def place_in_organisation(row: OrganisationMembership) -> dict[str, Any]:
    return {"name": row.organisation.name if row.organisation.erased_at is None else ""}


def webhook(row: Hook) -> dict[str, Any]:
    return {"address": open_hook(row).address}
