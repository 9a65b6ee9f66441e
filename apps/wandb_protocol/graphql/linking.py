"""Versions linked to portfolios and taken out again, and the aliases of versions: in their own collection, or by a link."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.accounts.names import as_stored
from apps.artifacts.queries import (
    find_link_to,
    get_collection,
    get_collection_by_id,
    get_version,
    open_collection,
    read_version,
    version_by_client_id,
)
from apps.artifacts.services import (
    add_aliases,
    add_link_aliases,
    link_version,
    remove_aliases,
    remove_link_aliases,
    unlink_version,
)
from apps.artifacts.types import CollectionKind, VersionState
from apps.core.errors import Invalid, NotFound
from apps.projects.queries import get_project, open_project
from apps.projects.services import get_or_create_project
from apps.wandb_protocol.graphql.artifacts import member_source
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.ids import collection_id, from_client

if TYPE_CHECKING:
    from apps.artifacts.models import Collection, Link, Version

# Where the client's `run.link_model` links to, in the entity of its run: nobody makes this project by hand.
_MODELS = "model-registry"
_NO_LINK = "This version is not linked there, or it is not shared with you."


def link_artifact(_: None, info: Info, sent: Source) -> Source:
    """Two things are asked of the gate: may they read the version, and may they add to the place of the portfolio?"""
    version = _version(info, sent)
    actor, name = actor_in(info), sent.get("artifactPortfolioName") or ""
    entity, place = sent.get("entityName") or "", sent.get("projectName") or ""
    if place == _MODELS:
        get_or_create_project(actor, entity=entity, name=place)
    project = get_project(actor, Permission.FILE_WRITE, entity=entity, name=place)
    aliases = [each["alias"] for each in sent.get("aliases") or ()]
    link = link_version(version, project, name=name, aliases=aliases, by=actor)
    budget_of(info).stream_of(0)
    return {"versionIndex": link.number, "artifactMembership": member_source(info, link)}


def _version(info: Info, sent: Source) -> Version:
    if sent.get("artifactID"):
        public_id = from_client("Artifact", sent["artifactID"], what="artifact")
        return get_version(actor_in(info), Permission.FILE_READ, public_id=public_id)
    found = version_by_client_id(actor_in(info), sent.get("clientID") or "")
    if found.state != VersionState.COMMITTED:
        raise Invalid("A version is linked once it is committed.")
    return found


def unlink_artifact(_: None, info: Info, sent: Source) -> Source:
    actor = actor_in(info)
    portfolio = get_collection_by_id(
        actor, Permission.FILE_WRITE, public_id=collection_id(sent["artifactPortfolioID"])
    )
    public_id = from_client("Artifact", sent["artifactID"], what="artifact")
    version, _link = read_version(actor, public_id=public_id)
    unlink_version(_link_of(portfolio, version), by=actor)
    return {"success": True}


def _link_of(portfolio: Collection, version: Version) -> Link:
    found = find_link_to(portfolio, version) if portfolio.kind == CollectionKind.PORTFOLIO else None
    if found is None:
        raise NotFound(_NO_LINK)
    return found


def _change_aliases(of_own: Callable[..., None], of_link: Callable[..., None]) -> Callable[..., Source]:
    def change(_: None, info: Info, sent: Source) -> Source:
        actor = actor_in(info)
        public_id = from_client("Artifact", sent["artifactID"], what="artifact")
        version, _link = read_version(actor, public_id=public_id)
        own = _full_name(version)
        for (entity, project, name), aliases in _by_place(sent["aliases"]).items():
            if (entity, project, name) == own:
                held = get_version(actor, Permission.FILE_WRITE, public_id=public_id)
                of_own(held, aliases, by=actor)
                continue
            place = get_collection(actor, Permission.FILE_WRITE, entity=entity, project=project, name=name)
            of_link(_link_of(place, version), aliases, by=actor)
        return {"success": True}

    return change


def _full_name(version: Version) -> tuple[str, str, str]:
    place = open_project(version.collection.project)
    return place.entity, place.name, open_collection(version.collection).name


def _by_place(sent: Sequence[Source]) -> dict[tuple[str, str, str], list[str]]:
    wanted: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in sent:
        named = (as_stored(each["entityName"]), each["projectName"], each["artifactCollectionName"])
        wanted[named].append(each["alias"])
    return wanted


FIELDS: Fields = {
    "Mutation.linkArtifact": link_artifact,
    "Mutation.unlinkArtifact": unlink_artifact,
    "Mutation.addAliases": _change_aliases(add_aliases, add_link_aliases),
    "Mutation.deleteAliases": _change_aliases(remove_aliases, remove_link_aliases),
}
