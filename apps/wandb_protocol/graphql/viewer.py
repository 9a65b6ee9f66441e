from __future__ import annotations

import json
from typing import TYPE_CHECKING

from apps.accounts.queries import user_of
from apps.code_saving.queries import saves_own_code
from apps.core.errors import NotFound
from apps.teams.queries import (
    default_entity,
    entities_of,
    found_people,
    keys_of,
    seen_organisations,
    teams_in_common,
)
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.graphql.paging import all_of
from apps.wandb_protocol.ids import to_client
from apps.wandb_protocol.translate import entity_facts, organisation_facts, user_facts

if TYPE_CHECKING:
    from apps.accounts.actors import Actor


def viewer(_: None, info: Info) -> Source | None:
    actor = actor_in(info)
    return myself(actor) if actor.is_signed_in else None


def users(_: None, info: Info, query: str | None = None, **__: object) -> Source:
    """Oneself and the people of one's own teams: a directory of all accounts would be one to search."""
    actor = actor_in(info)
    if not actor.is_signed_in:
        return all_of([])
    asked = (query or "").strip()
    me = [myself(actor)] if asked in {"", actor.username, user_of(actor).email} else []
    others = found_people(actor, asked) if asked else []
    budget_of(info).list_of(len(others))
    return all_of(me + [user_facts(user) for user in others])


def myself(actor: Actor) -> Source:
    """The default entity is the person's own, or the one that the key is good for."""
    user = user_of(actor)
    return user_facts(user) | {"admin": user.is_superuser, "entity": _default_of(actor), "_me": actor}


def _default_of(actor: Actor) -> str | None:
    try:
        return default_entity(actor).name
    except NotFound:
        return None


def flags(person: Source, _: Info) -> str | None:
    """The client saves code without asking once this is true, so it is true only for who switched it on."""
    if (actor := person.get("_me")) is None:
        return None
    return json.dumps({"code_saving_enabled": saves_own_code(actor)})


def api_keys(person: Source, info: Info) -> Source | None:
    """One's own, by hint and name; of others none are told."""
    if (actor := person.get("_me")) is None:
        return None
    keys = keys_of(actor)
    budget_of(info).list_of(len(keys))
    return all_of([key_facts(key.public_id, name=f"…{key.hint}", description=key.name) for key in keys])


def teams(person: Source, info: Info) -> Source | None:
    """One's own; of others those that one is in as well."""
    if "_user" not in person:
        return None
    actor = person.get("_me")
    found = teams_in_common(actor_in(info), person["_user"]) if actor is None else list(entities_of(actor))
    budget_of(info).list_of(len(found))
    return all_of([entity_facts(entity) for entity in found])


def organizations(person: Source, _: Info) -> list[Source]:
    actor = person.get("_me")
    return [organisation_facts(each) for each in seen_organisations(actor)] if actor else []


def key_facts(public_id: str, *, name: str, description: str) -> Source:
    return {"id": to_client("ApiKey", public_id), "name": name, "description": description}


FIELDS: Fields = {
    "Query.viewer": viewer,
    "Query.users": users,
    "User.flags": flags,
    "User.apiKeys": api_keys,
    "User.organizations": organizations,
    "User.teams": teams,
}
