from __future__ import annotations

from apps.access.policy import Scope
from apps.accounts.services import revoke_api_key
from apps.teams.services import KeyWanted, make_key
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.graphql.viewer import key_facts
from apps.wandb_protocol.ids import from_client


def generate_api_key(_: None, info: Info, sent: Source) -> Source:
    """The description is the key's name. It may do all that its owner may, as the client expects of any key."""
    wanted = KeyWanted(name=sent.get("description") or "", scope=Scope.ADMIN)
    key, secret = make_key(actor_in(info), wanted)
    return {"apiKey": key_facts(key.public_id, name=secret, description=wanted.name.strip())}


def delete_api_key(_: None, info: Info, sent: Source) -> Source:
    revoke_api_key(actor_in(info), from_client("ApiKey", sent["id"], what="API key"))
    return {"success": True}


FIELDS: Fields = {"Mutation.generateApiKey": generate_api_key, "Mutation.deleteApiKey": delete_api_key}
