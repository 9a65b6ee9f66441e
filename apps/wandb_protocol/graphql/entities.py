from __future__ import annotations

from typing import TYPE_CHECKING

from apps.access.policy import Permission
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


def project_of(source: Source, info: Info, name: str | None = None) -> Source | None:
    return project(None, info, name=name, entity_name=source["name"])


FIELDS: Fields = {"Query.entity": entity, "Entity.readOnly": read_only, "Entity.project": project_of}
