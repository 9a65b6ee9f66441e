"""How the client brings a version: createArtifact, its files in batches, its list of files, commitArtifact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.artifacts.queries import get_open_version, open_version
from apps.artifacts.services import (
    abandon_parts,
    announce_files,
    announce_manifest,
    commit_version,
    complete_parts,
    get_manifest_upload,
    get_upload,
    start_version,
)
from apps.artifacts.types import ManifestKind, NewVersion, Part, WantedFile
from apps.core.errors import NotFound
from apps.projects.queries import get_project, open_project
from apps.wandb_protocol.artifact_facts import version_facts
from apps.wandb_protocol.artifact_storage import part_id
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.graphql.paging import all_of
from apps.wandb_protocol.graphql.run_acts import held_run
from apps.wandb_protocol.ids import from_client, to_client
from apps.wandb_protocol.signing import UPLOAD_ENTRY, UPLOAD_MANIFEST, UPLOAD_PART, signed_url

if TYPE_CHECKING:
    from apps.artifacts.models import Manifest, Version
    from apps.artifacts.types import Room
    from apps.projects.models import Project
    from apps.runs.models import Run

_STORED_AT = "artifact/"  # what comes before the MD5 in the place of a file, as the client is told it
_NO_UPLOAD = "There is no such artifact, or it is not shared with you."


def create_artifact(_: None, info: Info, sent: Source) -> Source:
    """Room for a new version, or the one that has the same content: its state then tells that there is nothing to upload."""
    project, run = _place(info, sent)
    made = start_version(project, _new_version(sent), run=run, by=actor_in(info))
    return {"artifact": facts(made)}


def facts(version: Version) -> Source:
    return version_facts(open_version(version), open_project(version.collection.project))


def _place(info: Info, sent: Source) -> tuple[Project, Run | None]:
    """By way of the run, where there is one: whoever added it may log to it in a project that is not theirs."""
    if sent.get("runName"):
        run = held_run(info, sent, Permission.FILE_WRITE)
        return run.project, run
    actor = actor_in(info)
    project = get_project(actor, Permission.FILE_WRITE, entity=sent["entityName"], name=sent["projectName"])
    return project, None


def _new_version(sent: Source) -> NewVersion:
    names = sent.get("artifactCollectionNames") or []
    name = sent.get("artifactCollectionName") or (names[0] if names else "")
    aliases = [each["alias"] for each in sent.get("aliases") or ()]
    return NewVersion(
        type_name=sent["artifactTypeName"],
        collection=name,
        digest=sent["digest"],
        client_id=sent.get("clientID") or "",
        sequence_client_id=sent.get("sequenceClientID") or "",
        distributed_id=sent.get("distributedID") or "",
        description=sent.get("description"),
        metadata_text=sent.get("metadata"),
        aliases=tuple(aliases),
        tags=tuple(each["tagName"] for each in sent.get("tags") or ()),
        ttl_seconds=sent.get("ttlDurationSeconds"),
        history_step=sent.get("historyStep"),
        reuses_equal=bool(sent.get("enableDigestDeduplication")),
    )


def _held(info: Info, client_id: str) -> Version:
    return get_open_version(actor_in(info), from_client("Artifact", client_id, what="artifact"))


def create_artifact_files(_: None, info: Info, sent: Source) -> Source:
    """Where to PUT each file, in the order asked: the client drops the whole batch unless each comes back."""
    asked: list[Source] = sent["artifactFiles"]
    budget_of(info).list_of(len(asked) + sum(len(each.get("uploadPartsInput") or ()) for each in asked))
    nodes: list[Source | None] = [None] * len(asked)
    for client_id in dict.fromkeys(each["artifactID"] for each in asked):
        version = _held(info, client_id)
        places = [at for at, each in enumerate(asked) if each["artifactID"] == client_id]
        wanted = [_wanted(asked[at]) for at in places]
        for at, room in zip(places, announce_files(version, wanted), strict=True):
            nodes[at] = _room_facts(info, asked[at], room)
    return {"files": all_of([node for node in nodes if node is not None])}


def _wanted(asked: Source) -> WantedFile:
    return WantedFile(asked["name"], asked["md5"], _parts(asked.get("uploadPartsInput") or ()))


def _parts(sent: Sequence[Source]) -> list[Part]:
    """Parts as they are announced, or with the ETag that each was answered with for its MD5."""
    return [
        Part(each["partNumber"], each["hexMD5"].strip('"').lower(), is_last=at == len(sent))
        for at, each in enumerate(sent, 1)
    ]


def _room_facts(info: Info, asked: Source, room: Room) -> Source:
    url = room.file and _url(info, UPLOAD_ENTRY, room.file.public_id)
    parts = _parts(asked.get("uploadPartsInput") or ()) if room.file else []
    return {
        "id": to_client("ArtifactUpload", room.file.public_id if room.file else room.birth),
        "name": asked["name"],
        "displayName": asked["name"],
        "storagePath": _STORED_AT + asked["md5"],
        "uploadUrl": url,
        # Some clients refuse to send parts without a type to send them as.
        "uploadHeaders": ["Content-Type:application/octet-stream"] if parts else [],
        "uploadMultipartUrls": _part_facts(info, room.file.public_id, parts) if room.file and parts else None,
        "artifact": {"id": to_client("Artifact", room.birth)},
    }


def _url(info: Info, method: str, named: str) -> str:
    return signed_url(method, base=info.context.base_url, actor=info.context.actor, file_id=named)


def _part_facts(info: Info, file_id: str, parts: Sequence[Part]) -> Source:
    urls = [
        {"partNumber": part.number, "uploadUrl": _url(info, UPLOAD_PART, part_id(file_id, part))}
        for part in parts
    ]
    return {"uploadID": file_id, "uploadUrlParts": urls}


def complete_multipart_upload(_: None, info: Info, sent: Source) -> Source:
    """Put the parts of a file together, in the order of their numbers, or forget them."""
    file = get_upload(actor_in(info), public_id=sent["uploadID"])
    if to_client("Artifact", file.birth.public_id) != sent["artifactID"]:
        raise NotFound(_NO_UPLOAD)
    if sent["completeMultipartAction"] == "Abort":
        abandon_parts(file)
        return {"digest": None}
    budget_of(info).list_of(len(sent["completedParts"]))
    complete_parts(file, _parts(sorted(sent["completedParts"], key=lambda each: each["partNumber"])))
    return {"digest": sent["storagePath"].removeprefix(_STORED_AT)}


def create_artifact_manifest(_: None, info: Info, sent: Source) -> Source:
    version = _held(info, sent["artifactID"])
    made = announce_manifest(
        version,
        kind=ManifestKind((sent.get("type") or "FULL").lower()),
        digest=sent.get("digest") or "",
        base=_base(sent),
    )
    return _manifest_facts(info, made)


def update_artifact_manifest(_: None, info: Info, sent: Source) -> Source:
    public_id = from_client("ArtifactManifest", sent["artifactManifestID"], what="artifact")
    held = get_manifest_upload(actor_in(info), public_id=public_id)
    made = announce_manifest(
        held.version,
        kind=ManifestKind(held.kind),
        digest=sent.get("digest") or "",
        base=_base(sent),
        manifest=held,
    )
    return _manifest_facts(info, made)


def _base(sent: Source) -> str:
    return (
        from_client("Artifact", sent["baseArtifactID"], what="artifact") if sent.get("baseArtifactID") else ""
    )


def _manifest_facts(info: Info, manifest: Manifest) -> Source:
    url = _url(info, UPLOAD_MANIFEST, manifest.public_id)
    file = {
        "id": to_client("ArtifactManifestFile", manifest.public_id),
        "name": "wandb_manifest.json",
        "uploadUrl": url,
        "uploadHeaders": [],
    }
    return {"artifactManifest": {"id": to_client("ArtifactManifest", manifest.public_id), "file": file}}


def commit_artifact(_: None, info: Info, sent: Source) -> Source:
    held = _held(info, sent["artifactID"])
    return {"artifact": facts(commit_version(held, by=actor_in(info)))}


FIELDS: Fields = {
    "Mutation.createArtifact": create_artifact,
    "Mutation.createArtifactFiles": create_artifact_files,
    "Mutation.createArtifactManifest": create_artifact_manifest,
    "Mutation.updateArtifactManifest": update_artifact_manifest,
    "Mutation.completeMultipartUploadArtifact": complete_multipart_upload,
    "Mutation.commitArtifact": commit_artifact,
}
