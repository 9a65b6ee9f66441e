"""The files of a version: listed, where their bytes are, and the list of all of them as the client reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from apps.artifacts.queries import current_manifest, find_entries, list_entries, stored_ids
from apps.core.errors import NotFound
from apps.wandb_protocol.artifact_facts import entry_facts
from apps.wandb_protocol.artifact_storage import entry_id
from apps.wandb_protocol.graphql.context import Fields, Info, Source, budget_of
from apps.wandb_protocol.graphql.paging import asked_page, page
from apps.wandb_protocol.ids import to_client
from apps.wandb_protocol.signing import DOWNLOAD_ENTRY, DOWNLOAD_MANIFEST, signed_url

if TYPE_CHECKING:
    from apps.artifacts.types import Entry, OpenVersion


def files(
    version: Source,
    info: Info,
    names: Sequence[str] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Source:
    held: OpenVersion = version["_version"]
    start, count = asked_page(info, first, after)
    if names:
        found = find_entries(held.version, names)
        return _entries_page(held, found[start : start + count], start=start, total=len(found))
    found = list_entries(held.version, start=start, count=count)
    return _entries_page(held, found, start=start, total=held.file_count)


def _entries_page(held: OpenVersion, entries: Sequence[Entry], *, start: int, total: int) -> Source:
    ids = stored_ids(entries)
    nodes = [entry_facts(held, entry, ids.get(entry.stored, "")) for entry in entries]
    return page(nodes, start=start, total=total) | {"uploadHeaders": []}


def membership_files(member: Source, info: Info, **asked: object) -> Source:
    return files(member["artifact"], info, **asked)  # type: ignore[arg-type]


def files_by_entries(
    version: Source,
    info: Info,
    entries: Sequence[Source] | None = None,
    first: int | None = None,
    after: str | None = None,
    **_: object,
) -> Source:
    held: OpenVersion = version["_version"]
    start, _count = asked_page(info, first, after)
    if entries is None:
        return files(version, info, first=first, after=after)
    budget_of(info).list_of(len(entries))
    found = find_entries(held.version, [entry["name"] for entry in entries])
    return _entries_page(held, found[start:], start=start, total=len(found))


def direct_url(file: Source, info: Info) -> str:
    """Empty for a reference: its bytes lie elsewhere."""
    context, (version_id, file_id) = info.context, file["_entry"]
    if not file_id:
        return ""
    named = entry_id(version_id, file_id)
    return signed_url(DOWNLOAD_ENTRY, base=context.base_url, actor=context.actor, file_id=named)


def manifest(version: Source, info: Info) -> Source | None:
    held: OpenVersion = version["_version"]
    budget_of(info).stream_of(0)
    try:
        found = current_manifest(held.version)
    except NotFound:
        return None
    context = info.context
    url = signed_url(DOWNLOAD_MANIFEST, base=context.base_url, actor=context.actor, file_id=found.public_id)
    file = {
        "_direct_url": url,
        "id": to_client("ArtifactManifestFile", found.public_id),
        "name": "wandb_manifest.json",
        "displayName": "wandb_manifest.json",
        "sizeBytes": found.size,
        "mimetype": "application/json",
    }
    return {"id": to_client("ArtifactManifest", found.public_id), "file": file}


FIELDS: Fields = {
    "ArtifactCollectionMembership.files": membership_files,
    "Artifact.files": files,
    "Artifact.filesByManifestEntries": files_by_entries,
    "Artifact.currentManifest": manifest,
}
