from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import GraphQLResolveInfo

from apps.access.policy import Permission, Visibility
from apps.core.errors import Invalid, NotFound
from apps.projects.queries import get_project, get_project_by_id, open_project, projects_of
from apps.projects.services import get_or_create_project, update_project
from apps.teams.gate import may
from apps.teams.queries import default_entity, entity_by_name
from apps.wandb_protocol import translate
from apps.wandb_protocol.graphql.context import Source, actor_in
from apps.wandb_protocol.graphql.paging import all_of, connection
from apps.wandb_protocol.ids import from_client

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.projects.types import OpenProject


def project(_: None, info: GraphQLResolveInfo, name: str | None = None, entityName: str | None = None) -> Source | None:  # noqa: N803
    """Null for what is not there and for what is not shared: the client says it could not be found."""
    actor = actor_in(info)
    try:
        owner = entityName or default_entity(actor).name
        return translate.project_facts(
            open_project(get_project(actor, Permission.PROJECT_READ, entity=owner, name=name or ""))
        )
    except NotFound:
        return None


def models(
    _: None,
    info: GraphQLResolveInfo,
    entityName: str | None = None,  # noqa: N803
    first: int | None = None,
    after: str | None = None,
) -> Source:
    actor = actor_in(info)
    try:
        owner = entity_by_name(entityName) if entityName else default_entity(actor)
    except NotFound:
        return all_of([])
    return connection(projects_of(actor, owner), translate.project_facts, first=first, after=after)


def upsert_model(_: None, info: GraphQLResolveInfo, input: Source) -> Source:
    """Make a project, private unless the caller says otherwise, or change the one there is."""
    actor = actor_in(info)
    found = _named(info, input)
    inserted = found is None
    if found is None:
        found = get_or_create_project(actor, entity=input.get("entityName"), name=input.get("name"))
    visibility = translate.visibility(input["access"]) if input.get("access") else None
    if input.get("description") is not None or visibility is not None:
        found = _changed(info, found, description=input.get("description"), visibility=visibility)
    facts = translate.project_facts(open_project(found))
    return {"project": facts, "model": facts, "inserted": inserted}


def _named(info: GraphQLResolveInfo, input: Source) -> Project | None:
    """The project that the input means, if there is one that the actor may see."""
    actor = actor_in(info)
    if input.get("id"):
        public_id = from_client("Project", input["id"], what="project")
        return get_project_by_id(actor, Permission.PROJECT_READ, public_id=public_id)
    if not input.get("name"):
        raise Invalid("The project needs a name.")
    owner = input.get("entityName") or default_entity(actor).name
    try:
        return get_project(actor, Permission.PROJECT_READ, entity=owner, name=input["name"])
    except NotFound:
        return None


def _changed(
    info: GraphQLResolveInfo, found: Project, *, description: str | None, visibility: Visibility | None
) -> Project:
    actor = actor_in(info)
    needed = Permission.PROJECT_WRITE if visibility is None else Permission.PROJECT_ADMIN
    held = get_project_by_id(actor, needed, public_id=found.public_id)
    return update_project(held, by=actor, description=description, visibility=visibility)


def read_only(source: Source, info: GraphQLResolveInfo) -> bool:
    held: OpenProject = source["_project"]
    return not may_write(info, held.project)


def may_write(info: GraphQLResolveInfo, held: Project) -> bool:
    visibility = Visibility(held.visibility)
    return may(actor_in(info), Permission.RUN_WRITE, entity=held.entity, visibility=visibility)


def owner(source: Source, _: GraphQLResolveInfo) -> Source | None:
    """Who made the project; null once that person is gone."""
    held: OpenProject = source["_project"]
    return translate.user_facts(held.project.created_by) if held.project.created_by else None


def saved_views(source: Source, info: GraphQLResolveInfo, **_: object) -> Source:
    return all_of([])


FIELDS = {
    "Query.project": project,
    "Query.model": project,
    "Query.models": models,
    "Mutation.upsertModel": upsert_model,
    "Project.readOnly": read_only,
    "Project.user": owner,
    "Project.allViews": saved_views,
}
