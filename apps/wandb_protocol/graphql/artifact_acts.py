"""What the client changes of versions and collections that are there, and which runs read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.queries import (
    get_collection,
    get_collection_by_id,
    get_version,
    open_collection,
)
from apps.artifacts.services import (
    add_aliases,
    delete_collection,
    delete_version,
    remove_aliases,
    update_collection,
    update_version,
    use_version,
)
from apps.artifacts.types import VersionPatch
from apps.core.errors import Invalid
from apps.projects.queries import open_project
from apps.wandb_protocol.artifact_facts import collection_facts, tag_facts, version_facts
from apps.wandb_protocol.graphql.artifact_uploads import facts
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.graphql.run_acts import held_run
from apps.wandb_protocol.ids import from_client

if TYPE_CHECKING:
    from apps.artifacts.models import Collection, Version
    from apps.artifacts.types import OpenCollection


def _version(info: Info, client_id: str, permission: Permission) -> Version:
    return get_version(
        actor_in(info), permission, public_id=from_client("Artifact", client_id, what="artifact")
    )


def use_artifact(_: None, info: Info, sent: Source) -> Source:
    """Two things are asked of the gate: may they write to the run, and may they read the version?"""
    version = _version(info, sent["artifactID"], Permission.FILE_READ)
    use_version(held_run(info, sent, Permission.RUN_WRITE), version)
    return {"artifact": facts(version)}


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
    return {"artifact": version_facts(opened, open_project(opened.version.collection.project))}


def delete_artifact(_: None, info: Info, sent: Source) -> Source:
    held = _version(info, sent["artifactID"], Permission.FILE_ERASE)
    answer = facts(held)
    delete_version(held, by=actor_in(info), with_aliases=bool(sent.get("deleteAliases")))
    return {"artifact": answer | {"state": "DELETED"}}


def _change_aliases(act: Callable[..., None]) -> Callable[[None, Info, Source], Source]:
    def change(_: None, info: Info, sent: Source) -> Source:
        held = _version(info, sent["artifactID"], Permission.FILE_WRITE)
        name = open_collection(held.collection).name
        # In a collection other than its own a version has no aliases: linking is not offered yet.
        if any(each["artifactCollectionName"] != name for each in sent["aliases"]):
            raise Invalid("This version is in no other collection than its own on this server.")
        act(held, [each["alias"] for each in sent["aliases"]], by=actor_in(info))
        return {"success": True}

    return change


# ── collections ──


def _collection(info: Info, client_id: str, permission: Permission) -> Collection:
    public_id = from_client("ArtifactSequence", client_id, what="artifact")
    return get_collection_by_id(actor_in(info), permission, public_id=public_id)


def _answered(opened: OpenCollection) -> Source:
    return {"artifactCollection": collection_facts(opened, open_project(opened.collection.project))}


def update_sequence(_: None, info: Info, sent: Source) -> Source:
    held = _collection(info, sent["artifactSequenceID"], Permission.FILE_WRITE)
    return _answered(
        update_collection(held, by=actor_in(info), name=sent.get("name"), description=sent.get("description"))
    )


def move_sequence(_: None, info: Info, sent: Source) -> Source:
    held = _collection(info, sent["artifactSequenceID"], Permission.FILE_WRITE)
    wanted: str = sent["destinationArtifactTypeName"]
    return _answered(update_collection(held, by=actor_in(info), type_name=wanted))


def delete_sequence(_: None, info: Info, sent: Source) -> Source:
    held = _collection(info, sent["artifactSequenceID"], Permission.FILE_ERASE)
    answer = _answered(open_collection(held))
    delete_collection(held, by=actor_in(info))
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
    "Mutation.addAliases": _change_aliases(add_aliases),
    "Mutation.deleteAliases": _change_aliases(remove_aliases),
    "Mutation.updateArtifactSequence": update_sequence,
    "Mutation.moveArtifactSequence": move_sequence,
    "Mutation.deleteArtifactSequence": delete_sequence,
    "Mutation.createArtifactCollectionTagAssignments": add_collection_tags,
    "Mutation.deleteArtifactCollectionTagAssignments": remove_collection_tags,
}
