"""What is read of artifacts: by id, by name and in lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.artifacts.queries import (
    aliases_of,
    collections_in,
    count_versions,
    find_version,
    get_collection_by_id,
    get_collection_in,
    get_link,
    get_link_in,
    get_version_in,
    in_full,
    links_in_any,
    links_to,
    note_listed,
    open_collection,
    open_members,
    open_version,
    read_version,
    registry_words,
    sealed_size,
    sealed_size_behind,
    shown,
    version_by_client_id,
    versions_of,
)
from apps.artifacts.types import LATEST, CollectionKind
from apps.core.errors import NotFound
from apps.projects.gate import readable, where_may
from apps.projects.queries import open_project, open_projects
from apps.wandb_protocol.artifact_facts import (
    alias_facts,
    collection_facts,
    link_facts,
    membership_facts,
    type_facts,
    version_facts,
)
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.graphql.paging import all_of, asked_page, connection, page
from apps.wandb_protocol.graphql.sifting import (
    COLLECTION_KEYS,
    OWN_VERSION_KEYS,
    asks_for_less,
    of_collection,
    of_member,
    of_version,
    ordered,
    sifted,
    version_order,
)
from apps.wandb_protocol.ids import collection_id, from_client, to_client

if TYPE_CHECKING:
    from apps.artifacts.models import Collection, Link, Version
    from apps.artifacts.types import OpenCollection, OpenVersion
    from apps.projects.types import OpenProject


def read_in_full(info: Info, links: Sequence[Link]) -> list[Link]:
    """The same links with the words of what they lead to. Those count before they are read: they stand in memory all together."""
    budget_of(info).text(sealed_size_behind(links))
    return in_full(links)


def member_sources(info: Info, links: Sequence[Link]) -> list[Source]:
    """Links, of portfolios that the asker may read, as far as they may look behind them."""
    actor = actor_in(info)
    members = open_members(shown(actor, links), note=budget_of(info).text)
    note_listed(actor, [each.link.version for each in members if each.link.collection.project.is_registry])
    origins = {each.source.version.collection.project for each in members}
    seen = where_may(actor, Permission.FILE_READ, origins)
    info.context.lives.expect(project.entity for project in origins)
    projects = {link.collection.project for link in links} | {each for each in origins if each.pk in seen}
    places = {each.project.pk: each for each in open_projects(projects)}
    return [
        link_facts(
            each,
            places[each.portfolio.collection.project_id],
            places.get(each.source.version.collection.project_id),
        )
        for each in members
    ]


def member_source(info: Info, link: Link) -> Source:
    found = member_sources(info, [link])
    if not found:
        raise NotFound("There is no such artifact, or it is not shared with you.")
    return found[0]


def version_source(version: Version, project: OpenProject | None = None) -> Source:
    return version_facts(open_version(version), project or open_project(version.collection.project))


# ── one ──


def artifact(_: None, info: Info, id: str) -> Source | None:  # noqa: A002  (the client's name)
    """Null for what is not there and for what is not shared."""
    budget_of(info).stream_of(0)
    try:
        public_id = from_client("Artifact", id, what="artifact")
        found, link = read_version(actor_in(info), public_id=public_id)
        return version_source(found) if link is None else artifact_of(member_source(info, link))
    except NotFound:
        return None


def artifact_collection(_: None, info: Info, id: str) -> Source | None:  # noqa: A002
    budget_of(info).stream_of(0)
    try:
        public_id = collection_id(id)
        found = get_collection_by_id(actor_in(info), Permission.FILE_READ, public_id=public_id)
        return collection_facts(open_collection(found), open_project(found.project))
    except NotFound:
        return None


def client_id_mapping(_: None, info: Info, client_i_d: str) -> Source | None:
    """The argument is the engine's spelling of `clientID`."""
    budget_of(info).stream_of(0)
    try:
        found = version_by_client_id(actor_in(info), client_i_d)
    except NotFound:
        return None
    return {"serverID": to_client("Artifact", found.public_id)}


def artifact_of(member: Source) -> Source:
    found: Source = member["artifact"]
    return found


def _named(project: Source, info: Info, name: str) -> Source | None:
    held: OpenProject = project["_project"]
    budget_of(info).stream_of(0)
    # The client asks by full name, too.
    name = name.rsplit("/", 1)[-1]
    try:
        found = get_version_in(actor_in(info), Permission.FILE_READ, project=held.project, name=name)
    except NotFound:
        return None
    return version_source(found, held)


def project_artifact(project: Source, info: Info, name: str) -> Source | None:
    found = project_membership(project, info, name)
    return None if found is None else artifact_of(found)


def project_membership(project: Source, info: Info, name: str) -> Source | None:
    held: OpenProject = project["_project"]
    try:
        link = get_link_in(actor_in(info), project=held.project, name=name.rsplit("/", 1)[-1])
        if link is not None:
            budget_of(info).stream_of(0)
            return member_source(info, link)
    except NotFound:
        return None
    found = _named(project, info, name)
    return None if found is None else membership_facts(found)


def project_collection(project: Source, info: Info, name: str) -> Source | None:
    held: OpenProject = project["_project"]
    budget_of(info).stream_of(0)
    try:
        found = get_collection_in(actor_in(info), Permission.FILE_READ, project=held.project, name=name)
    except NotFound:
        return None
    return collection_facts(open_collection(found), held)


# ── types and collections ──


def _collections(project: Source, info: Info, type_name: str | None = None) -> list[OpenCollection]:
    held: OpenProject = project["_project"]
    return collections_in(actor_in(info), held.project, type_name=type_name)


def artifact_types(
    project: Source, info: Info, first: int | None = None, after: str | None = None, **_: object
) -> Source:
    asked_page(info, first, after)
    held: OpenProject = project["_project"]
    taken = registry_words(held.project).types if held.project.is_registry else ()
    names = sorted({each.type_name for each in _collections(project, info)} | set(taken))
    return connection(names, lambda name: type_facts(project["_project"], name), first=first, after=after)


def artifact_type(project: Source, info: Info, name: str) -> Source | None:
    budget_of(info).list_of(0)
    return type_facts(project["_project"], name) if _collections(project, info, name) else None


def artifact_collections(project: Source, info: Info, **asked: str | int | None) -> Source:
    return _listed(project, info, None, **asked)  # type: ignore[arg-type]


def collections_of_type(kind: Source, info: Info, **asked: str | int | None) -> Source:
    return _listed(kind, info, kind["name"], **asked)  # type: ignore[arg-type]


def _listed(
    place: Source,
    info: Info,
    type_name: str | None,
    first: int | None = None,
    after: str | None = None,
    filters: str | None = None,
    order: str | None = None,
) -> Source:
    """By name, unless another order is asked for."""
    asked_page(info, first, after)
    inside, patience = _collections(place, info, type_name), budget_of(info).patience
    found = sifted(inside, filters, of_collection, COLLECTION_KEYS, patience=patience)
    found = ordered(found, order, of_collection)
    return connection(found, lambda each: collection_facts(each, place["_project"]), first=first, after=after)


def collection_of_type(kind: Source, info: Info, name: str) -> Source | None:
    found = project_collection(kind, info, name)
    is_of_it = found is not None and found["_collection"].type_name == kind["name"]
    return found if is_of_it else None


def aliases(collection: Source, info: Info, first: int | None = None, after: str | None = None) -> Source:
    held: OpenCollection = collection["_collection"]
    asked_page(info, first, after)
    names = [name for name, _id in aliases_of(held.collection)]
    return connection(names, lambda name: alias_facts(collection, name), first=first, after=after)


def _versions(
    info: Info, collection: Collection, *, start: int = 0, count: int | None = None, order: str
) -> list[OpenVersion]:
    """What they hold counts as it is read and as it is opened: both stand in memory."""
    budget = budget_of(info)
    budget.text(sealed_size(collection, start=start, count=count, order=order))
    return versions_of(collection, start=start, count=count, order=order, note=budget.text)


def artifacts(
    collection: Source,
    info: Info,
    first: int | None = None,
    after: str | None = None,
    order: str | None = None,
    filters: str | None = None,
) -> Source:
    """The committed versions, the newest first unless another order is asked for."""
    held: OpenCollection = collection["_collection"]
    if held.collection.kind == CollectionKind.PORTFOLIO:
        return _linked(collection, info, first=first, after=after, order=order, filters=filters)
    start, count = asked_page(info, first, after)
    column = version_order(
        order, {"created_at": "number", "versionIndex": "number", "updated_at": "updated_at"}
    )
    if asks_for_less(filters):
        # What is wanted of versions is asked of their words, so all of them are opened.
        budget_of(info).list_of(count_versions(held.collection))
        whole = _versions(info, held.collection, order=column)
        whole = sifted(whole, filters, of_version, OWN_VERSION_KEYS, patience=budget_of(info).patience)
        found, total = whole[start : start + count], len(whole)
    else:
        found = _versions(info, held.collection, start=start, count=count, order=column)
        total = count_versions(held.collection)
    answer = page([version_facts(each, collection["_project"]) for each in found], start=start, total=total)
    for edge in answer["edges"]:
        edge["version"] = f"v{edge['node']['versionIndex']}"
    return answer


def _linked(
    collection: Source,
    info: Info,
    *,
    first: int | None,
    after: str | None,
    order: str | None,
    filters: str | None,
) -> Source:
    """What is linked in a portfolio, the newest first unless another order is asked for."""
    held: OpenCollection = collection["_collection"]
    start, count = asked_page(info, first, after)
    column = version_order(order, {"created_at": "number", "versionIndex": "number"})
    links = shown(actor_in(info), links_in_any([held.collection]))
    if column.startswith("-"):
        links = links[::-1]
    if asks_for_less(filters):
        budget_of(info).list_of(len(links))
        opened = open_members(read_in_full(info, links), note=budget_of(info).text)
        found = sifted(opened, filters, of_member, OWN_VERSION_KEYS, patience=budget_of(info).patience)
        links = [each.link for each in found]
    members = member_sources(info, read_in_full(info, links[start : start + count]))
    answer = page([artifact_of(each) for each in members], start=start, total=len(links))
    for edge, member in zip(answer["edges"], members, strict=True):
        edge["version"] = f"v{member['versionIndex']}"
    return answer


def membership(collection: Source, info: Info, alias_name: str) -> Source | None:
    held: OpenCollection = collection["_collection"]
    budget_of(info).stream_of(0)
    if held.collection.kind == CollectionKind.PORTFOLIO:
        try:
            return member_source(info, get_link(actor_in(info), portfolio=held.collection, alias=alias_name))
        except NotFound:
            return None
    found = find_version(held.collection, alias_name)
    return None if found is None else membership_facts(version_source(found, collection["_project"]))


def latest(collection: Source, info: Info) -> Source | None:
    found = membership(collection, info, LATEST)
    return None if found is None else artifact_of(found)


# ── of one version ──


def memberships(version: Source, info: Info, **_: object) -> Source:
    """The collection in which it was made, and those to which it was linked, as far as the asker may see them."""
    held: OpenVersion = version["_version"]
    actor = actor_in(info)
    found = links_to(held.version)
    seen = {each.pk for each in readable(actor, {each.collection.project for each in found})}
    links = [each for each in found if each.collection.project_id in seen]
    budget_of(info).list_of(len(links) + 1)
    is_told = version["artifactSequence"]["project"] is not None
    own = [membership_facts(version)] if is_told else []
    return all_of(own + member_sources(info, links))


def lives(version: Source, info: Info) -> int:
    held: OpenVersion = version["_version"]
    return info.context.lives.seconds(held.version)


FIELDS: Fields = {
    "Query.artifact": artifact,
    "Query.artifactCollection": artifact_collection,
    "Query.clientIDMapping": client_id_mapping,
    "Project.artifact": project_artifact,
    "Project.artifactCollection": project_collection,
    "Project.artifactCollectionMembership": project_membership,
    "Project.artifactCollections": artifact_collections,
    "Project.artifactType": artifact_type,
    "Project.artifactTypes": artifact_types,
    "ArtifactType.artifactCollection": collection_of_type,
    "ArtifactType.artifactCollections": collections_of_type,
    "ArtifactPortfolio.aliases": aliases,
    "ArtifactPortfolio.artifacts": artifacts,
    "ArtifactPortfolio.artifactMembership": membership,
    "ArtifactSequence.aliases": aliases,
    "ArtifactSequence.artifacts": artifacts,
    "ArtifactSequence.artifactMembership": membership,
    "ArtifactSequence.latestArtifact": latest,
    "Artifact.artifactMemberships": memberships,
    "Artifact.ttlDurationSeconds": lives,
}
