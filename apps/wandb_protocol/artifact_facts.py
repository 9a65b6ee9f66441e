"""Collections, versions and their files under the client's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.artifacts.queries import opaque
from apps.artifacts.types import CollectionKind, VersionState
from apps.wandb_protocol.ids import to_client
from apps.wandb_protocol.storage import mime_type
from apps.wandb_protocol.translate import project_facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.artifacts.types import Entry, Member, OpenCollection, OpenVersion
    from apps.projects.types import OpenProject

Source = dict[str, Any]
_DIGEST_ALGORITHM = "MANIFEST_MD5"


def type_facts(project: OpenProject, name: str) -> Source:
    """A type is a word that collections share, no row: its id tells nothing and leads nowhere."""
    made = opaque("type", project.project.public_id, name)
    return {
        "_project": project,
        "id": to_client("ArtifactType", made),
        "name": name,
        "description": None,
        "createdAt": project.project.created_at,
    }


def collection_facts(opened: OpenCollection, project: OpenProject) -> Source:
    row = opened.collection
    kind = "ArtifactPortfolio" if row.kind == CollectionKind.PORTFOLIO else "ArtifactSequence"
    return {
        "__typename": kind,
        "_collection": opened,
        "_project": project,
        "id": to_client(kind, row.public_id),
        "name": opened.name,
        "description": opened.description,
        "state": "READY",
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "project": project_facts(project),
        "defaultArtifactType": type_facts(project, opened.type_name),
        "tags": {"edges": [{"node": tag} for tag in tag_facts(row.public_id, opened.tags)]},
        "digestAlgorithm": _DIGEST_ALGORITHM,
    }


def tag_facts(of: str, tags: Iterable[str]) -> list[Source]:
    return [{"id": to_client("Tag", opaque("tag", of, tag)), "name": tag} for tag in tags]


def alias_facts(collection: Source, alias: str) -> Source:
    return {
        "id": to_client("ArtifactAlias", opaque("alias", collection["id"], alias)),
        "alias": alias,
        "artifactCollection": collection,
    }


def version_facts(opened: OpenVersion, project: OpenProject) -> Source:
    row, words = opened.version, opened.words
    collection = collection_facts(opened.collection, project)
    return {
        "__typename": "Artifact",
        "_version": opened,
        "_project": project,
        "id": to_client("Artifact", row.public_id),
        "artifactSequence": collection,
        "artifactType": collection["defaultArtifactType"],
        "versionIndex": row.number,
        "description": words.description,
        "metadata": words.metadata_text,
        "ttlIsInherited": row.ttl_seconds is None,
        "tags": tag_facts(row.public_id, words.tags),
        "historyStep": words.history_step,
        "state": VersionState(row.state).name,
        "size": row.size,
        "digest": words.digest,
        "digestAlgorithm": _DIGEST_ALGORITHM,
        "commitHash": row.public_id,
        "fileCount": row.file_count,
        "createdAt": row.committed_at or row.created_at,
        "updatedAt": row.updated_at,
        "aliases": [alias_facts(collection, alias) for alias in opened.aliases],
    }


def membership_facts(version: Source) -> Source:
    """A version as a member of the collection in which it was made."""
    opened: OpenVersion = version["_version"]
    return {
        "id": to_client("ArtifactCollectionMembership", opened.version.public_id),
        "versionIndex": opened.version.number,
        "createdAt": version["createdAt"],
        "aliases": version["aliases"],
        "artifactCollection": version["artifactSequence"],
        "artifact": version,
    }


def link_facts(member: Member, place: OpenProject, origin: OpenProject | None) -> Source:
    """A version as a member of a portfolio. Without `origin`, the asker is not told where it was made."""
    portfolio = collection_facts(member.portfolio, place)
    version = version_facts(member.source, origin or place)
    aliases = [alias_facts(portfolio, alias) for alias in member.aliases]
    if origin is None:
        hidden = portfolio | {"__typename": "ArtifactSequence", "project": None}
        version |= {"artifactSequence": hidden, "versionIndex": member.link.number, "aliases": []}
    version["aliases"] = version["aliases"] + aliases
    return {
        "_member": member,
        "id": to_client("ArtifactCollectionMembership", member.link.public_id),
        "versionIndex": member.link.number,
        "createdAt": member.link.created_at,
        "aliases": aliases,
        "artifactCollection": portfolio,
        "artifact": version,
    }


def entry_facts(version: OpenVersion, entry: Entry, file_id: str) -> Source:
    return {
        "_entry": (version.version.public_id, file_id),
        "id": to_client("ArtifactFile", f"{version.version.public_id}.{file_id}"),
        "name": entry.path,
        "displayName": entry.path,
        "sizeBytes": entry.size,
        "storagePath": entry.ref or entry.digest,
        "mimetype": mime_type(entry.path),
        "md5": entry.digest,
        "digest": entry.digest,
        "updatedAt": version.version.committed_at,
    }
