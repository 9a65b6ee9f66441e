from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.exports.models import Export
from apps.exports.queries import read_archive
from apps.exports.services import advance, export_project
from apps.exports.types import ExportState
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import Lines, Stream, StreamRequest
from tests.factories import work

ROWS = [
    '{"_step": 0, "_timestamp": 1.5, "loss": NaN, "n": 1, "deep": {"a": 0.25}, "mixed": 1, "text": "あ"}',
    '{"_step": 1, "_timestamp": 2.5, "loss": Infinity, "n": 2, "deep": {"a": -Infinity}, "mixed": "one", "big": 73786976294838206464}',
    '{"_step": 2, "_timestamp": 3.5, "loss": 0.1, "n": 9007199254740993, "mixed": [1, {"x": null}], "flag": true}',
]


def log(run: Run, stream: Stream, lines: list[str], first: int = 0) -> None:
    store.append(run, StreamRequest(streams={stream: Lines(first, lines)}))


def keep(run: Run, **files: bytes) -> None:
    for each in announce_files(run, list(files)):
        assert each.file is not None
        store_file(each.file, io.BytesIO(files[each.name]))


def full_run(project: Project, name: str, *, by: User) -> Run:
    """A run with every kind of line, of which the first are compacted, and files with names of all sorts."""
    config = '{"lr": {"value": 1e-3}, "big": 73786976294838206464, "odd": NaN}'
    run = work.run(
        project,
        name,
        by=by,
        config_text=config,
        summary_text='{"loss":0.1}',
        display_name="好き",
        tags=["a", "b"],
    )
    log(run, Stream.HISTORY, ROWS[:2])
    store.compact(run)
    log(run, Stream.HISTORY, ROWS[2:], 2)
    log(run, Stream.EVENTS, ['{"_timestamp": 1.0, "system.cpu": 5.5}'])
    log(run, Stream.OUTPUT, ["one", "two ✓"])
    names = ["model.pt", "Model.pt", "out/ä/b.txt", "con.txt", "out", "wandb-metadata.json"]
    keep(
        run,
        **{each: each.encode() * 3 if each != "wandb-metadata.json" else b'{"gpu": "x"}' for each in names},
    )
    return run


def make(export: Export) -> Export:
    """Turn after turn until it is ready."""
    for _turn in range(50):
        export.refresh_from_db()
        if export.state in {ExportState.READY, ExportState.FAILED}:
            return export
        advance(export.pk)
    raise AssertionError(export.state)


def opened(export: Export) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(read_archive(export))))
    assert archive.testzip() is None
    return archive


def contents(export: Export) -> dict[str, bytes]:
    """What is in it, but for what names the export or the moment it was made."""
    archive = opened(export)
    return {
        name: archive.read(name)
        for name in archive.namelist()
        if name not in {"README.html", "manifest.json"}
    }


def read_json(archive: zipfile.ZipFile, path: str) -> Any:
    return json.loads(archive.read(path))


@pytest.fixture
def full(vision: Project, alice: User) -> Run:
    return full_run(vision, "full", by=alice)


@pytest.fixture
def export(full: Run, vision: Project, alice: User) -> Export:
    """The whole project of one run, not begun yet."""
    return export_project(vision, by=Actor.person(alice))


Turn = Callable[[Export], Export]
