from __future__ import annotations

from apps.accounts.queries import user_of
from apps.accounts.services import issue_api_key, revoke_api_key
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.graphql.viewer import key_facts
from apps.wandb_protocol.ids import from_client


def generate_api_key(_: None, info: Info, sent: Source) -> Source:
    actor = actor_in(info)
    key, secret = issue_api_key(user_of(actor), by=actor)
    return {"apiKey": key_facts(key, name=secret)}


def delete_api_key(_: None, info: Info, sent: Source) -> Source:
    revoke_api_key(actor_in(info), from_client("ApiKey", sent["id"], what="API key"))
    return {"success": True}


FIELDS: Fields = {"Mutation.generateApiKey": generate_api_key, "Mutation.deleteApiKey": delete_api_key}
