from __future__ import annotations

from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.core.errors import Conflict, Invalid, NotFound
from apps.files.exposure import WouldShow, require_agreement
from apps.projects.gate import may
from apps.projects.queries import get_project, get_project_by_id, open_project, projects_of
from apps.projects.services import check_visibility, get_or_create_project, update_project
from apps.teams.queries import default_entity, entity_by_name, hidden_from
from apps.wandb_protocol import translate
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.graphql.paging import all_of, connection, page_size
from apps.wandb_protocol.graphql.registry_acts import names_registry, upsert_registry
from apps.wandb_protocol.ids import from_client

if TYPE_CHECKING:
    from apps.access.policy import Visibility
    from apps.projects.models import Project
    from apps.projects.types import OpenProject


def project(_: None, info: Info, name: str | None = None, entity_name: str | None = None) -> Source | None:
    """Null for what is not there and for what is not shared: the client says it could not be found."""
    actor = actor_in(info)
    try:
        owner = entity_name or default_entity(actor).name
        return translate.project_facts(
            open_project(get_project(actor, Permission.PROJECT_READ, entity=owner, name=name or ""))
        )
    except NotFound:
        return None


def models(
    _: None,
    info: Info,
    entity_name: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Source:
    actor = actor_in(info)
    budget_of(info).list_of(page_size(first))
    try:
        owner = entity_by_name(entity_name) if entity_name else default_entity(actor)
    except NotFound:
        return all_of([])
    return connection(projects_of(actor, owner), translate.project_facts, first=first, after=after)


def upsert_model(_: None, info: Info, sent: Source) -> Source:
    """Make a project, or a registry of an organisation, as visible as its owner chose unless the caller says otherwise, or change the one there is."""
    actor = actor_in(info)
    if names_registry(sent):
        return upsert_registry(info, sent)
    found = _named(info, sent)
    visibility = translate.visibility(sent["access"]) if sent.get("access") else None
    inserted = found is None
    if found is None:
        found = get_or_create_project(
            actor, entity=sent.get("entityName"), name=sent.get("name"), visibility=visibility
        )
        visibility = None
    if sent.get("description") is not None or visibility is not None:
        found = _changed(info, found, description=sent.get("description"), visibility=visibility)
    facts = translate.project_facts(open_project(found))
    return {"project": facts, "model": facts, "inserted": inserted}


def _named(info: Info, sent: Source) -> Project | None:
    """The project that the input means, if there is one that the actor may see."""
    actor = actor_in(info)
    if sent.get("id"):
        public_id = from_client("Project", sent["id"], what="project")
        return get_project_by_id(actor, Permission.PROJECT_READ, public_id=public_id)
    if not sent.get("name"):
        raise Invalid("The project needs a name.")
    owner = sent.get("entityName") or default_entity(actor).name
    try:
        return get_project(actor, Permission.PROJECT_READ, entity=owner, name=sent["name"])
    except NotFound:
        return None


def _changed(
    info: Info, found: Project, *, description: str | None, visibility: Visibility | None
) -> Project:
    actor = actor_in(info)
    held = get_project_by_id(
        actor,
        Permission.PROJECT_WRITE if visibility is None else Permission.PROJECT_SHARE,
        public_id=found.public_id,
    )
    if visibility is not None:
        _require_no_question(held, visibility)
    return update_project(held, by=actor, description=description, visibility=visibility)


def _require_no_question(held: Project, visibility: Visibility) -> None:
    """The client has no word to agree with: what would have to be agreed to is published elsewhere."""
    check_visibility(held.entity, visibility)
    try:
        require_agreement(held, visibility)
    except WouldShow as error:
        raise Conflict(
            f"{error.message} Publish the project on its settings page, or by the REST API with agree_to_show."
        ) from None


def read_only(source: Source, info: Info) -> bool:
    """Asked once for a project, however many of its runs are listed."""
    if "_read_only" not in source:
        held: OpenProject = source["_project"]
        source["_read_only"] = not may_write(info, held.project)
    return bool(source["_read_only"])


def may_write(info: Info, held: Project) -> bool:
    return may(actor_in(info), Permission.RUN_WRITE, held)


def owner(source: Source, info: Info) -> Source | None:
    """Who made the project; null once that person is gone, and where they are hidden from the asker."""
    held: OpenProject = source["_project"]
    maker = held.project.created_by
    if maker is None or hidden_from(actor_in(info), [maker.pk]):
        return None
    return translate.user_facts(maker)


def saved_views(source: Source, info: Info, **_: object) -> Source:
    return all_of([])


FIELDS: Fields = {
    "Query.project": project,
    "Query.model": project,
    "Query.models": models,
    "Mutation.upsertModel": upsert_model,
    "Project.readOnly": read_only,
    "Project.user": owner,
    "Project.allViews": saved_views,
}
