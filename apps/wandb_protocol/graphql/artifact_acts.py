"""What the client changes of versions and collections that are there, and which runs read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.queries import (
    get_collection,
    get_collection_by_id,
    get_version,
    open_collection,
    read_version,
)
from apps.artifacts.services import update_collection, update_version, use_version
from apps.artifacts.types import VersionPatch
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.projects.queries import open_project
from apps.wandb_protocol.artifact_facts import collection_facts, tag_facts, version_facts
from apps.wandb_protocol.graphql.artifact_uploads import facts
from apps.wandb_protocol.graphql.artifacts import artifact_of, member_source, memberships
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.graphql.run_acts import held_run
from apps.wandb_protocol.ids import collection_id, from_client

if TYPE_CHECKING:
    from apps.artifacts.models import Collection, Version
    from apps.artifacts.types import OpenCollection


def _version(info: Info, client_id: str, permission: Permission) -> Version:
    return get_version(
        actor_in(info), permission, public_id=from_client("Artifact", client_id, what="artifact")
    )


def use_artifact(_: None, info: Info, sent: Source) -> Source:
    """Two things are asked of the gate: may they write to the run, and may they read the version?"""
    public_id = from_client("Artifact", sent["artifactID"], what="artifact")
    version, link = read_version(actor_in(info), public_id=public_id)
    use_version(held_run(info, sent, Permission.RUN_WRITE), version)
    return {"artifact": facts(version) if link is None else artifact_of(member_source(info, link))}


def update_artifact(_: None, info: Info, sent: Source) -> Source:
    held = _version(info, sent["artifactID"], Permission.FILE_WRITE)
    aliases = sent.get("aliases")
    patch = VersionPatch(
        description=sent.get("description"),
        metadata_text=sent.get("metadata"),
        ttl_seconds=sent.get("ttlDurationSeconds"),
        add_tags=[each["tagName"] for each in sent.get("tagsToAdd") or ()],
        remove_tags=[each["tagName"] for each in sent.get("tagsToDelete") or ()],
        aliases=None if aliases is None else [each["alias"] for each in aliases],
    )
    opened = update_version(held, patch, by=actor_in(info))
    answer = version_facts(opened, open_project(opened.version.collection.project))
    # The client looks here for the aliases of the portfolio by which it found the version.
    for each in memberships(answer, info)["edges"]:
        answer["aliases"] += each["node"]["aliases"] if "_member" in each["node"] else []
    return {"artifact": answer}


def delete_artifact(_: None, info: Info, sent: Source) -> Source:
    held = _version(info, sent["artifactID"], Permission.FILE_ERASE)
    answer = facts(held)
    erase_versions([held], by=actor_in(info), with_aliases=bool(sent.get("deleteAliases")))
    return {"artifact": answer | {"state": "DELETED"}}


# ── collections ──


def _collection(info: Info, client_id: str, permission: Permission) -> Collection:
    return get_collection_by_id(actor_in(info), permission, public_id=collection_id(client_id))


def _answered(opened: OpenCollection) -> Source:
    return {"artifactCollection": collection_facts(opened, open_project(opened.collection.project))}


def _named_in(sent: Source) -> str:
    named: str = sent.get("artifactSequenceID") or sent["artifactPortfolioID"]
    return named


def update_collection_of(_: None, info: Info, sent: Source) -> Source:
    held = _collection(info, _named_in(sent), Permission.FILE_WRITE)
    return _answered(
        update_collection(held, by=actor_in(info), name=sent.get("name"), description=sent.get("description"))
    )


def move_sequence(_: None, info: Info, sent: Source) -> Source:
    held = _collection(info, sent["artifactSequenceID"], Permission.FILE_WRITE)
    wanted: str = sent["destinationArtifactTypeName"]
    return _answered(update_collection(held, by=actor_in(info), type_name=wanted))


def delete_collection_of(_: None, info: Info, sent: Source) -> Source:
    """All of it or nothing: of a sequence each version is asked about too."""
    held = _collection(info, _named_in(sent), Permission.FILE_ERASE)
    answer = _answered(open_collection(held))
    erase_artifact(held, by=actor_in(info), asks_each=True)
    answer["artifactCollection"]["state"] = "DELETED"
    return answer


def _tagged(
    info: Info, sent: Source, *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> OpenCollection:
    actor: Actor = actor_in(info)
    held = get_collection(
        actor,
        Permission.FILE_WRITE,
        entity=sent["entityName"],
        project=sent["projectName"],
        name=sent["artifactCollectionName"],
    )
    return update_collection(held, by=actor, add_tags=add, remove_tags=remove)


def add_collection_tags(_: None, info: Info, sent: Source) -> Source:
    opened = _tagged(info, sent, add=[each["tagName"] for each in sent["tags"]])
    return {"tags": tag_facts(opened.collection.public_id, opened.tags)}


def remove_collection_tags(_: None, info: Info, sent: Source) -> Source:
    _tagged(info, sent, remove=[each["tagName"] for each in sent["tags"]])
    return {"success": True}


FIELDS: Fields = {
    "Mutation.useArtifact": use_artifact,
    "Mutation.updateArtifact": update_artifact,
    "Mutation.deleteArtifact": delete_artifact,
    "Mutation.updateArtifactPortfolio": update_collection_of,
    "Mutation.updateArtifactSequence": update_collection_of,
    "Mutation.moveArtifactSequence": move_sequence,
    "Mutation.deleteArtifactPortfolio": delete_collection_of,
    "Mutation.deleteArtifactSequence": delete_collection_of,
    "Mutation.createArtifactCollectionTagAssignments": add_collection_tags,
    "Mutation.deleteArtifactCollectionTagAssignments": remove_collection_tags,
}
