"""The registries of an organisation as the client finds them: they, their collections, and what is linked there, by filters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.artifacts.queries import (
    links_in_any,
    members_of_registry,
    open_members,
    portfolios_in,
    registries_of,
    registry_words,
    shown,
    teams_of_registry,
)
from apps.core import jsontext
from apps.core.errors import Invalid
from apps.wandb_protocol.artifact_facts import collection_facts
from apps.wandb_protocol.graphql.artifacts import member_sources, read_in_full
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.graphql.paging import connection, page_size, position_after
from apps.wandb_protocol.graphql.sifting import (
    COLLECTION_KEYS,
    VERSION_KEYS,
    of_collection,
    of_member,
    ordered,
    sifted,
)
from apps.wandb_protocol.ids import project_number, to_client
from apps.wandb_protocol.translate import entity_facts, project_facts

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.artifacts.models import Collection, Link
    from apps.artifacts.types import OpenCollection
    from apps.projects.types import OpenProject

_MOST_COLLECTIONS = 2_000


# ── registries ──


def _of_registry(place: OpenProject) -> Source:
    row = place.project
    return {
        "id": project_number(row.public_id),
        "name": place.name,
        "description": place.description,
        "created_at": row.created_at,
        "updated_at": row.last_activity_at,
        "entity_id": project_number(row.entity.public_id),
    }


def _registries(source: Source, info: Info, filters: str | None) -> list[OpenProject]:
    if "_organisation" not in source:
        return []
    found = registries_of(actor_in(info), source["_organisation"])
    budget_of(info).list_of(len(found))
    known = ("id", "name", "description", "created_at", "updated_at", "entity_id")
    return sifted(found, filters, _of_registry, known, patience=budget_of(info).patience)


def projects(
    source: Source,
    info: Info,
    filters: str | None = None,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
) -> Source:
    found = ordered(_registries(source, info, filters), order, _of_registry)
    return connection(found, project_facts, first=first, after=after)


# ── collections ──


def _collections(
    source: Source, info: Info, project_filters: str | None, filters: str | None
) -> list[tuple[OpenProject, OpenCollection]]:
    places, found = _registries(source, info, project_filters), []
    found_in = portfolios_in(actor_in(info), (place.project for place in places))
    for place in places:
        inside, budget = found_in.get(place.project.pk, []), budget_of(info)
        budget.list_of(len(inside))
        kept = sifted(inside, filters, of_collection, COLLECTION_KEYS, patience=budget.patience)
        found += [(place, each) for each in kept]
        if len(found) > _MOST_COLLECTIONS:
            raise Invalid("There are too many collections: name the registry.")
    return found


def artifact_collections(
    source: Source,
    info: Info,
    project_filters: str | None = None,
    filters: str | None = None,
    collection_types: Sequence[str] | None = None,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
) -> Source:
    """Portfolios are the only kind of collection that a registry has."""
    found = [] if collection_types == ["SEQUENCE"] else _collections(source, info, project_filters, filters)
    found = ordered(found, order, lambda each: of_collection(each[1]))
    return connection(found, lambda each: collection_facts(each[1], each[0]), first=first, after=after)


# ── what is linked ──


def _links_in(actor: Actor, portfolios: Sequence[Collection]) -> list[Link]:
    """By portfolio, the newest first, with as many questions as of one."""
    found: dict[int, list[Link]] = defaultdict(list)
    for link in shown(actor, links_in_any(portfolios)):
        found[link.collection_id].append(link)
    return [link for each in portfolios for link in reversed(found[each.pk])]


def artifact_memberships(
    source: Source,
    info: Info,
    project_filters: str | None = None,
    collection_filters: str | None = None,
    filters: str | None = None,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
) -> Source:
    """By collection, the newest first. What is wanted of versions is asked of their words, so all of them are opened."""
    if order:
        raise Invalid("Versions of registries come by collection, the newest first.")
    found = _collections(source, info, project_filters, collection_filters)
    links = _links_in(actor_in(info), [opened.collection for _place, opened in found])
    budget_of(info).list_of(len(links))
    if filters and jsontext.loads(filters):
        members = open_members(read_in_full(info, links), note=budget_of(info).text)
        kept = sifted(members, filters, of_member, VERSION_KEYS, patience=budget_of(info).patience)
        links = [each.link for each in kept]
    start, count = position_after(after), page_size(first)
    listed = read_in_full(info, links[start : start + count])
    nodes = {each["_member"].link.pk: each for each in member_sources(info, listed)}
    return connection(links, lambda each: nodes.get(each.pk, {}), first=first, after=after)


# ── a registry itself ──


def takes_all_types(source: Source, info: Info) -> bool:
    held: OpenProject = source["_project"]
    budget_of(info).stream_of(0)
    return not held.project.is_registry or registry_words(held.project).takes_all_types


def members(source: Source, info: Info) -> list[Source]:
    held: OpenProject = source["_project"]
    found = members_of_registry(actor_in(info), held.project) if held.project.is_registry else []
    budget_of(info).list_of(len(found))
    return [
        {
            "id": to_client("User", each.user.public_id),
            "name": each.user.username,
            "username": each.user.username,
            "email": "",
            "role": {"name": each.role},
        }
        for each in found
    ]


def team_members(source: Source, info: Info) -> list[Source]:
    held: OpenProject = source["_project"]
    found = teams_of_registry(held.project) if held.project.is_registry else []
    budget_of(info).list_of(len(found))
    return [{"team": entity_facts(each.team), "role": {"name": each.role}} for each in found]


FIELDS: Fields = {
    "Entity.projects": projects,
    "Entity.artifactCollections": artifact_collections,
    "Entity.artifactMemberships": artifact_memberships,
    "Project.allowAllArtifactTypesInRegistry": takes_all_types,
    "Project.members": members,
    "Project.teamMembers": team_members,
}
