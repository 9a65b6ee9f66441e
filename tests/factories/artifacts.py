"""Versions as a client uploads them, by services alone."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from apps.accounts.actors import Actor
from apps.artifacts.looks import new_look
from apps.artifacts.manifests import digest_of, read_manifest
from apps.artifacts.models import Version
from apps.artifacts.services import (
    announce_files,
    announce_manifest,
    commit_version,
    get_manifest_upload,
    get_upload,
    keep_look,
    receive_file,
    receive_manifest,
    start_version,
)
from apps.artifacts.types import ManifestKind, NewVersion, WantedFile
from apps.projects.models import Project
from apps.runs.models import Run


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def manifest(files: Mapping[str, bytes], *, refs: Mapping[str, str] | None = None) -> bytes:
    """A list of files as the client writes it."""
    contents: dict[str, Any] = {
        path: {"digest": md5(content), "size": len(content), "local_path": "/somewhere/" + path}
        for path, content in files.items()
    }
    contents |= {path: {"digest": ref, "ref": ref, "size": 0} for path, ref in (refs or {}).items()}
    return json.dumps(
        {"version": 1, "storagePolicy": "wandb-storage-policy-v1", "contents": contents}
    ).encode()


def begin(
    project: Project, name: str, files: Mapping[str, bytes], *, by: Actor, run: Run | None = None, **more: Any
) -> Version:
    digest = digest_of(read_manifest(manifest(files, refs=more.pop("refs", None))).rows)
    new = NewVersion(type_name=more.pop("type_name", "dataset"), collection=name, digest=digest, **more)
    return start_version(project, new, run=run, by=by)


def upload(version: Version, files: Mapping[str, bytes], *, by: Actor) -> int:
    """Bring the bytes that are not here already. How many files those were."""
    rooms = announce_files(version, [WantedFile(path, md5(content)) for path, content in files.items()])
    sent = 0
    for room, content in zip(rooms, files.values(), strict=True):
        if room.file is not None:
            receive_file(get_upload(by, public_id=room.file.public_id), [content])
            sent += 1
    return sent


def bring_manifest(
    version: Version, raw: bytes, kind: ManifestKind = ManifestKind.FULL, *, by: Actor
) -> None:
    made = announce_manifest(version, kind=kind, digest=md5(raw))
    receive_manifest(get_manifest_upload(by, public_id=made.public_id), [raw])


def version(
    project: Project, name: str, files: Mapping[str, bytes], *, by: Actor, run: Run | None = None, **more: Any
) -> Version:
    """A committed version with these files."""
    begun = begin(project, name, files, by=by, run=run, **({"aliases": ("latest",)} | more))
    one_of_each = {content: path for path, content in files.items()}
    upload(begun, {path: content for content, path in one_of_each.items()}, by=by)
    bring_manifest(begun, manifest(files, refs=more.get("refs")), by=by)
    return commit_version(begun, by=by)


def look(project: Project, name: str, text: str, *, by: Actor) -> Version:
    """How a chart is drawn, in the words of whoever wrote it."""
    return keep_look(project, new_look(name, text), by=by)
