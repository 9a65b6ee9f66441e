"""The files of a version: a folder of them, a page of all, some by name, and two versions compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import orjson

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.manifests import PAGE_ENTRIES, PATH, Outline, Row, difference, entry_of
from apps.artifacts.models import EntryPage, Manifest, StoredFile, Version
from apps.artifacts.queries.links import get_version
from apps.artifacts.queries.versions import NO_ARTIFACT, project_key, version_key
from apps.artifacts.types import Difference, Entry, Folder, FolderSum, VersionState
from apps.blobs.models import BlobState
from apps.blobs.services import read_blob
from apps.core.errors import Invalid, NotFound
from apps.core.ids import is_public_id
from apps.core.rows import find_row
from apps.projects.models import Project
from apps.vault.seal import blind_index, unseal
from apps.vault.tree import open_blob_keys
from apps.vault.types import NodeId

ENTRIES_LABEL = "artifact_entries"
STORED_LABEL = "stored_file.digest"
MANIFEST_LABEL = "artifact_manifest.digest"
MOST_NAMES = 10_000
MOST_AT_ONCE = 5_000
_MOST_OF_ONE_DIGEST = 100
_NO_FILE = "There is no such file, or it is not shared with you."


def list_folder(version: Version, path: str = "", *, start: int = 0, count: int = 200) -> Folder:
    """What lies directly in a folder of a version that is held already. NotFound when there is no such folder."""
    outline = _outline(version)
    found = outline.get(path.strip("/"))
    if found is None:
        raise NotFound(_NO_FILE)
    first, total, inside = found
    here = path.strip("/")
    files = _stretch(version, first + start, first + min(total, start + count))
    folders = [
        FolderSum(name, f"{here}/{name}" if here else name, number, size) for name, number, size in inside
    ]
    return Folder(here, folders, files, total, start)


def list_entries(version: Version, *, start: int = 0, count: int = 1000) -> list[Entry]:
    """A page of all files of a version, in order of folder and name."""
    return _stretch(version, start, min(version.file_count, start + min(count, MOST_AT_ONCE)))


def find_entries(version: Version, paths: Iterable[str]) -> list[Entry]:
    """Those of a version's files that have these paths, in the order asked."""
    wanted = list(dict.fromkeys(paths))
    if len(wanted) > MOST_NAMES:
        raise Invalid(f"At most {MOST_NAMES} files can be asked for at once.")
    outline = _outline(version)
    folders = {path.rpartition("/")[0] for path in wanted}
    places = [outline[folder] for folder in folders if folder in outline]
    numbers = {
        number
        for first, total, _inside in places
        for number in range(first // PAGE_ENTRIES, (first + max(total, 1) - 1) // PAGE_ENTRIES + 1)
    }
    asked = set(wanted)
    found = {row[PATH]: entry_of(row) for row in _rows_of(version, numbers) if row[PATH] in asked}
    return [found[path] for path in wanted if path in found]


def diff_versions(before: Version, after: Version, *, start: int = 0, count: int = 200) -> Difference:
    """What changed between two versions that are held already, and a page of it by path."""
    old, new = _pages_of(before, None), _pages_of(after, None)
    return difference(old, new, total=after.file_count, start=start, count=count)


def _stretch(version: Version, first: int, after: int) -> list[Entry]:
    if first >= after:
        return []
    numbers = range(first // PAGE_ENTRIES, (after - 1) // PAGE_ENTRIES + 1)
    rows = list(_rows_of(version, numbers))
    skipped = numbers[0] * PAGE_ENTRIES
    return [entry_of(row) for row in rows[first - skipped : after - skipped]]


def _rows_of(version: Version, numbers: Iterable[int]) -> Iterator[Row]:
    """The rows of these pages of a version in order."""
    for page in _pages_of(version, numbers):
        yield from orjson.loads(page)


def _pages_of(version: Version, numbers: Iterable[int] | None) -> Iterator[bytes]:
    """These pages of a version in order, or all. Page 0 is the outline, so they are counted from 1 there."""
    key = version_key(version)
    pages = EntryPage.objects.filter(version=version, number__gt=0).order_by("number")
    if numbers is not None:
        pages = pages.filter(number__in=[number + 1 for number in numbers])
    for uuid, sealed in pages.values_list("uuid", "sealed_entries"):
        yield unseal(key, bytes(sealed), label=ENTRIES_LABEL, row=uuid)


def _outline(version: Version) -> Outline:
    found = EntryPage.objects.filter(version=version, number=0).values_list("uuid", "sealed_entries").first()
    if found is None:
        return {"": (0, 0, [])}
    outline: Outline = orjson.loads(
        unseal(version_key(version), bytes(found[1]), label=ENTRIES_LABEL, row=found[0])
    )
    return outline


# ── stored bytes ──


def stored_by_digest(project: Project, digests: Iterable[str], version: Version) -> dict[str, StoredFile]:
    """Bytes with these digests that this version may hold: its own, or those of a version that anybody here may read.

    A digest alone is no claim to bytes of elsewhere: what other projects hold is found under no index of this one.
    """
    key = project_key(project)
    indexes = {blind_index(key, STORED_LABEL, digest): digest for digest in digests}
    found: dict[str, StoredFile] = {}
    wanted = list(indexes)
    for at in range(0, len(wanted), 500):
        rows = StoredFile.objects.filter(project=project, digest_index__in=wanted[at : at + 500])
        for row in rows.filter(blob__state=BlobState.STORED).select_related("blob", "birth").order_by("id"):
            if row.birth_id == version.pk or row.birth.state == VersionState.COMMITTED:
                digest = indexes[bytes(row.digest_index)]
                if digest not in found or row.birth_id == version.pk:
                    found[digest] = row
    return found


def get_entry_file(actor: Actor, *, version: str, file: str) -> tuple[Version, StoredFile]:
    """A stored file as a committed version holds it; the gate is asked of the version."""
    held = get_version(actor, Permission.FILE_READ, public_id=version)
    found = None
    if is_public_id(file):
        found = find_row(StoredFile, along=("blob",), public_id=file, project=held.collection.project_id)
    if found is None:
        raise NotFound(_NO_FILE)
    return held, found


def find_by_digest(version: Version, digest: str) -> StoredFile:
    """The bytes with this digest that a version which is held already was granted."""
    project = version.collection.project
    index = blind_index(project_key(project), STORED_LABEL, digest)
    rows = StoredFile.objects.filter(project=project, digest_index=index, blob__state=BlobState.STORED)
    found = {NodeId(row.blob.vault_node): row for row in rows.select_related("blob")[:_MOST_OF_ONE_DIGEST]}
    granted = open_blob_keys(found, NodeId(version.vault_node))
    if not granted:
        raise NotFound(_NO_FILE)
    return found[next(iter(granted))]


def read_stored(
    version: Version, file: StoredFile, *, start: int = 0, end: int | None = None
) -> Iterator[bytes]:
    """The bytes of a file that this version was granted; KeyGone for what it was not."""
    return read_blob(file.blob, NodeId(version.vault_node), start=start, end=end)


def stored_ids(entries: Sequence[Entry]) -> dict[int, str]:
    """The opaque ids of the stored files of these entries, by row."""
    wanted = list({entry.stored for entry in entries if entry.stored})
    found: dict[int, str] = {}
    for at in range(0, len(wanted), 500):
        rows = StoredFile.objects.filter(pk__in=wanted[at : at + 500])
        found |= dict(rows.values_list("pk", "public_id"))
    return found


# ── manifests ──


def current_manifest(version: Version) -> Manifest:
    found = Manifest.objects.select_related("blob").filter(version=version, is_current=True).first()
    if found is None or found.blob is None:
        raise NotFound(NO_ARTIFACT)
    return found


def get_manifest(actor: Actor, *, public_id: str) -> Manifest:
    """The list of files of a committed version, for whoever may read it."""
    found = None
    if is_public_id(public_id):
        rows = Manifest.objects.select_related("blob", "version")
        found = rows.filter(public_id=public_id, is_current=True).first()
    if found is None or found.blob is None:
        raise NotFound(NO_ARTIFACT)
    found.version = get_version(actor, Permission.FILE_READ, public_id=found.version.public_id)
    return found


def read_manifest_blob(manifest: Manifest, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    assert manifest.blob is not None
    return read_blob(manifest.blob, NodeId(manifest.version.vault_node), start=start, end=end)
