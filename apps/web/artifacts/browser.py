"""The files of a version as pages show them: a folder of them at a time, one that is looked at, all as one archive."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from apps.artifacts.queries import find_by_digest, find_entries, list_entries, list_folder, read_stored
from apps.artifacts.types import Entry, FolderSum, OpenVersion
from apps.core.errors import NotFound
from apps.web.serving import Handed

PAGE = 200
_ZIP_STRETCH = 1000


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of what lies directly in a folder: its folders first."""

    folders: list[FolderSum]
    files: list[Entry]
    total: int
    first: int
    last: int


def shelf_of(opened: OpenVersion, inside: str, page: int) -> Shelf:
    start = page * PAGE
    whole = list_folder(opened.version, inside, count=0)
    folders = list(whole.folders)[start : start + PAGE]
    behind = max(0, start - len(whole.folders))
    files = list_folder(opened.version, inside, start=behind, count=PAGE - len(folders)).files
    shown = len(folders) + len(files)
    return Shelf(folders, list(files), len(whole.folders) + whole.file_total, start + 1, start + shown)


def entry_at(opened: OpenVersion, path: str) -> Entry:
    found = find_entries(opened.version, [path])
    if not found:
        raise NotFound("There is no such file, or it is not shared with you.")
    return found[0]


def md5_of(entry: Entry) -> str:
    """The digest of a stored file as `md5sum` prints it; the client's manifests have it in base64."""
    try:
        return base64.b64decode(entry.digest, validate=True).hex()
    except binascii.Error:
        return entry.digest


def handed_entry(opened: OpenVersion, entry: Entry) -> Handed:
    """The bytes of a file that are here. What a reference points at is never fetched: NotFound."""
    if not entry.stored:
        raise NotFound("There is no such file, or it is not shared with you.")
    version = opened.version
    stored = find_by_digest(version, entry.digest)
    return Handed(
        entry.path,
        entry.size,
        version.committed_at or version.created_at,
        partial(read_stored, version, stored),
        f'"{stored.public_id}"',
    )


def everything(opened: OpenVersion) -> Iterator[Handed]:
    """All files of a version that are here, each found when its turn comes."""
    for start in range(0, opened.file_count, _ZIP_STRETCH):
        for entry in list_entries(opened.version, start=start, count=_ZIP_STRETCH):
            if entry.stored:
                yield handed_entry(opened, entry)
