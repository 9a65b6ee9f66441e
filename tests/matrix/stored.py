"""What signed addresses lead to: files of runs and of artifacts, that are read, and that somebody brings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import Manifest, StoredFile
from apps.artifacts.services import announce_files, announce_manifest
from apps.artifacts.types import ManifestKind, Part, WantedFile
from apps.projects.models import Project
from apps.wandb_protocol.artifact_storage import entry_id, part_id
from apps.wandb_protocol.signing import (
    DOWNLOAD,
    DOWNLOAD_ENTRY,
    DOWNLOAD_MANIFEST,
    UPLOAD,
    UPLOAD_ENTRY,
    UPLOAD_MANIFEST,
    UPLOAD_PART,
)
from tests.factories import artifacts

if TYPE_CHECKING:
    from apps.accounts.models import User
    from tests.matrix.world import Target

SENT = b"bytes"
_LISTED = artifacts.manifest({"b.txt": SENT})
_WHOLE = Part(1, hashlib.md5(SENT, usedforsecurity=False).hexdigest(), is_last=True)
# Of each kind what it takes, the id that the address carries, and what is sent there.
KINDS: dict[str, tuple[Permission, Callable[[Target], str], bytes]] = {
    DOWNLOAD: (Permission.FILE_READ, lambda t: t.file_id, b""),
    DOWNLOAD_ENTRY: (Permission.FILE_READ, lambda t: entry_id(t.version_id, t.stored_id), b""),
    DOWNLOAD_MANIFEST: (Permission.FILE_READ, lambda t: t.manifest_id, b""),
    UPLOAD: (Permission.FILE_WRITE, lambda t: t.file_id, SENT),
    UPLOAD_ENTRY: (Permission.FILE_WRITE, lambda t: t.begun_file_id, SENT),
    UPLOAD_PART: (Permission.FILE_WRITE, lambda t: part_id(t.begun_file_id, _WHOLE), SENT),
    UPLOAD_MANIFEST: (Permission.FILE_WRITE, lambda t: t.begun_manifest_id, _LISTED),
}
# Before a version is whole it is there for nobody but those who may upload to it.
BEGUN = frozenset({UPLOAD_ENTRY, UPLOAD_PART, UPLOAD_MANIFEST})


def make(project: Project, mark: str, *, owner: User, by: User) -> dict[str, str]:
    """One version in a project, by its owner, and one that somebody has begun there."""
    versions = Manifest.objects.filter(version__collection__project=project, is_current=True)
    if not versions.exists():
        artifacts.version(project, "ds", {"a.txt": mark.encode()}, by=Actor.person(owner))
    whole = versions.select_related("version").get()
    # In a collection of their own: what somebody would add to one of others is refused.
    begun = artifacts.begin(project, f"begun-by-{by.username}", {"b.txt": SENT}, by=Actor.person(by))
    room = announce_files(begun, [WantedFile("b.txt", artifacts.md5(SENT))])[0].file
    assert room is not None
    listed = announce_manifest(begun, kind=ManifestKind.FULL, digest=artifacts.md5(_LISTED))
    return {
        "version_id": whole.version.public_id,
        "stored_id": StoredFile.objects.get(birth=whole.version).public_id,
        "manifest_id": whole.public_id,
        "begun_file_id": room.public_id,
        "begun_manifest_id": listed.public_id,
    }
