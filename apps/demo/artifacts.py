"""Two artifacts of the demo: a data set in two versions, and the model that runs made of it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from apps.accounts.actors import Actor
from apps.artifacts.manifests import digest_of, read_manifest
from apps.artifacts.services import (
    announce_files,
    announce_manifest,
    commit_version,
    get_manifest_upload,
    get_upload,
    receive_file,
    receive_manifest,
    start_version,
    use_version,
)
from apps.artifacts.types import ManifestKind, NewVersion, WantedFile
from apps.core import jsontext

if TYPE_CHECKING:
    from apps.artifacts.models import Version
    from apps.projects.models import Project
    from apps.runs.models import Run

_LABELS = ("cat", "dog", "heron", "otter")


def add_artifacts(project: Project, runs: Sequence[Run], *, by: Actor) -> None:
    """The first run makes the data; those after it read it, and two of them make a model."""
    first, second, third = runs[:3]
    data = NewVersion(
        type_name="dataset",
        collection="birds-and-beasts",
        digest="",
        description="Photographs of four animals, cut to 224 × 224.",
        metadata_text=jsontext.dumps({"rows": 400, "split": {"train": 0.8, "val": 0.2}, "labels": _LABELS}),
        aliases=("latest",),
    )
    log_version(
        project, data, _data(400), refs={"raw": "s3://example-bucket/animals/raw.tar"}, run=first, by=by
    )
    cleaned = log_version(project, data, _data(380), refs={}, run=first, by=by)
    for number, run in enumerate((second, third)):
        use_version(run, cleaned)
        model = NewVersion(
            type_name="model",
            collection="classifier",
            digest="",
            aliases=("latest", "best") if number else ("latest",),
        )
        log_version(project, model, _model(number), refs={}, run=run, by=by)


def _data(rows: int) -> dict[str, bytes]:
    lines = [f"img{row:04d}.jpg,{_LABELS[row % len(_LABELS)]}" for row in range(rows)]
    return {
        "README.md": b"# Birds and beasts\n\nOne line a picture in index.csv.\n",
        "train/index.csv": "\n".join(["file,label", *lines[: rows * 4 // 5]]).encode(),
        "val/index.csv": "\n".join(["file,label", *lines[rows * 4 // 5 :]]).encode(),
    }


def _model(number: int) -> dict[str, bytes]:
    return {
        "config.json": jsontext.dumps({"arch": "swin-t", "classes": len(_LABELS), "seed": number}).encode(),
        "weights.bin": bytes(range(256)) * (40 + number),
    }


def log_version(
    project: Project,
    new: NewVersion,
    files: Mapping[str, bytes],
    *,
    by: Actor,
    refs: Mapping[str, str] | None = None,
    run: Run | None = None,
) -> Version:
    """As the client does it: the list, the files that are wanted, the commit."""
    contents: dict[str, dict[str, object]] = {
        path: {"digest": _md5(data), "size": len(data)} for path, data in files.items()
    }
    contents |= {path: {"digest": ref, "ref": ref, "size": 0} for path, ref in (refs or {}).items()}
    raw = jsontext.dumps({"version": 1, "contents": contents}).encode()
    digest = digest_of(read_manifest(raw).rows)
    version = start_version(project, replace(new, digest=digest), run=run, by=by)
    rooms = announce_files(version, [WantedFile(path, _md5(data)) for path, data in files.items()])
    for room, data in zip(rooms, files.values(), strict=True):
        if room.file is not None:
            receive_file(get_upload(by, public_id=room.file.public_id), [data])
    listed = announce_manifest(version, kind=ManifestKind.FULL, digest=_md5(raw))
    receive_manifest(get_manifest_upload(by, public_id=listed.public_id), [raw])
    return commit_version(version, by=by)


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
