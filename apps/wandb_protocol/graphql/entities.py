from __future__ import annotations

from typing import TYPE_CHECKING

from apps.access.policy import Permission, Visibility
from apps.code_saving.queries import kept_in
from apps.core.errors import NotFound
from apps.projects.stored import bytes_of
from apps.teams.choices import SettingName
from apps.teams.gate import may
from apps.teams.queries import effective, get_entity, seen_organisation
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.graphql.projects import project
from apps.wandb_protocol.graphql.viewer import myself
from apps.wandb_protocol.translate import access_word, entity_facts, organisation_facts

if TYPE_CHECKING:
    from apps.teams.models import Entity

_EFFORT_OF_SIZES = 1_000


def entity(_: None, info: Info, name: str | None = None) -> Source | None:
    try:
        return entity_facts(get_entity(actor_in(info), Permission.ENTITY_READ, name=name or ""))
    except NotFound:
        held = organization(None, info, name)
        return held and held["orgEntity"]


def organization(_: None, info: Info, name: str | None = None) -> Source | None:
    """For its own people, and for those of its teams, who may look into its registries."""
    try:
        return organisation_facts(seen_organisation(actor_in(info), name or ""))
    except NotFound:
        return None


def read_only(source: Source, info: Info) -> bool:
    found: Entity | None = source.get("_entity")
    return found is None or not may(actor_in(info), Permission.PROJECT_CREATE, entity=found)


def code_saving_enabled(source: Source, _: Info) -> bool:
    return "_entity" in source and kept_in(source["_entity"]).code


def private_only(source: Source, info: Info) -> bool:
    found = _from_inside(source, info)
    return found is not None and effective(found, SettingName.PRIVATE_ONLY).is_on


def default_access(source: Source, info: Info) -> str:
    found = _from_inside(source, info)
    chosen = effective(found, SettingName.DEFAULT_VISIBILITY).word if found else Visibility.PRIVATE
    return access_word(Visibility(chosen))


def storage_bytes(source: Source, info: Info) -> int:
    """Sums over all that it keeps, so asking often is not cheap."""
    found = _from_inside(source, info)
    if found is None:
        return 0
    budget_of(info).list_of(_EFFORT_OF_SIZES)
    return bytes_of([found])[found.pk]


def organization_of(source: Source, info: Info) -> Source | None:
    if "_organisation" in source:  # beside a registry that the asker may read
        return organisation_facts(source["_organisation"])
    found = _from_inside(source, info)
    return organisation_facts(found.organisation) if found is not None and found.organisation else None


def person_of(source: Source, info: Info) -> Source | None:
    """Whose own it is, told to that person."""
    found = _from_inside(source, info)
    return myself(actor_in(info)) if found is not None and found.user_id is not None else None


def _from_inside(source: Source, info: Info) -> Entity | None:
    """The entity, for who is something in it: its name also stands beside what strangers may read."""
    found: Entity | None = source.get("_entity")
    return found if found is not None and may(actor_in(info), Permission.ENTITY_READ, entity=found) else None


def project_of(source: Source, info: Info, name: str | None = None) -> Source | None:
    return project(None, info, name=name, entity_name=source["name"])


FIELDS: Fields = {
    "Query.entity": entity,
    "Query.organization": organization,
    "Entity.codeSavingEnabled": code_saving_enabled,
    "Entity.defaultAccess": default_access,
    "Entity.organization": organization_of,
    "Entity.privateOnly": private_only,
    "Entity.storageBytes": storage_bytes,
    "Entity.user": person_of,
    "Entity.readOnly": read_only,
    "Entity.project": project_of,
}
