from __future__ import annotations

from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.code_saving.queries import kept_in
from apps.core.errors import NotFound
from apps.teams.gate import may
from apps.teams.queries import get_entity
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.graphql.projects import project
from apps.wandb_protocol.translate import entity_facts

if TYPE_CHECKING:
    from apps.teams.models import Entity


def entity(_: None, info: Info, name: str | None = None) -> Source | None:
    try:
        return entity_facts(get_entity(actor_in(info), Permission.ENTITY_READ, name=name or ""))
    except NotFound:
        return None


def read_only(source: Source, info: Info) -> bool:
    found: Entity = source["_entity"]
    return not may(actor_in(info), Permission.PROJECT_CREATE, entity=found)


def code_saving_enabled(source: Source, _: Info) -> bool:
    return kept_in(source["_entity"]).code


def project_of(source: Source, info: Info, name: str | None = None) -> Source | None:
    return project(None, info, name=name, entity_name=source["name"])


FIELDS: Fields = {
    "Query.entity": entity,
    "Entity.codeSavingEnabled": code_saving_enabled,
    "Entity.readOnly": read_only,
    "Entity.project": project_of,
}
