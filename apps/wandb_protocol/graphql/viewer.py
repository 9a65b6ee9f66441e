from __future__ import annotations

import json
from typing import TYPE_CHECKING

from apps.accounts.queries import api_keys_of, user_of
from apps.code_saving.queries import saves_own_code
from apps.teams.queries import entities_of
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.graphql.paging import all_of
from apps.wandb_protocol.ids import to_client
from apps.wandb_protocol.translate import entity_facts, user_facts

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.accounts.models import ApiKey


def viewer(_: None, info: Info) -> Source | None:
    actor = actor_in(info)
    return myself(actor) if actor.is_signed_in else None


def users(_: None, info: Info, query: str | None = None, **__: object) -> Source:
    """Only oneself can be looked up: a directory of people would be one to search."""
    actor = actor_in(info)
    is_asked = actor.is_signed_in and query in {None, "", actor.username}
    return all_of([myself(actor)] if is_asked else [])


def myself(actor: Actor) -> Source:
    user = user_of(actor)
    return user_facts(user) | {"admin": user.is_superuser, "_me": actor}


def flags(person: Source, _: Info) -> str | None:
    """The client saves code without asking once this is true, so it is true only for who switched it on."""
    if (actor := person.get("_me")) is None:
        return None
    return json.dumps({"code_saving_enabled": saves_own_code(actor)})


def api_keys(person: Source, _: Info) -> Source | None:
    actor = person.get("_me")
    return all_of([key_facts(key, name=f"…{key.hint}") for key in api_keys_of(actor)]) if actor else None


def teams(person: Source, _: Info) -> Source | None:
    actor = person.get("_me")
    return all_of([entity_facts(entity) for entity in entities_of(actor)]) if actor else None


def key_facts(key: ApiKey, *, name: str) -> Source:
    return {"id": to_client("ApiKey", key.public_id), "name": name, "description": ""}


FIELDS: Fields = {
    "Query.viewer": viewer,
    "Query.users": users,
    "User.flags": flags,
    "User.apiKeys": api_keys,
    "User.teams": teams,
}
