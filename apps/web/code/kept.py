"""The code that is kept with a run, wherever it lies: its own files, and the folder that `run.log_code()` sent as an artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from apps.artifacts.queries import find_by_digest, list_entries, read_stored
from apps.artifacts.queries.code import source_versions_of
from apps.artifacts.types import Entry, OpenVersion
from apps.files.code import code_files
from apps.files.queries import read_file
from apps.files.types import OpenFile
from apps.projects.queries import open_project
from apps.runs.types import OpenRun
from apps.web.links import artifact_url, run_url
from apps.web.serving import Handed

if TYPE_CHECKING:
    from apps.runs.models import Run

# As the client calls the same script where it sends it as a file of the run: runs are then compared whichever way it came.
_HERE = "code/"
_STRETCH = 1000


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A file of code by the name under which it is shown; it is handed out as `path` below `at`."""

    name: str
    size: int
    digest: str
    moment: datetime
    at: str
    path: str
    read: Callable[..., Iterator[bytes]]

    @property
    def handed(self) -> Handed:
        return Handed(self.name, self.size, self.moment, self.read)


def kept_code(opened: OpenRun) -> list[CodeFile]:
    """All code of a run that was fetched with FILE_READ, by name. What came both ways and is the same stands once."""
    run = opened.run
    place = open_project(run.project)
    at = run_url(place.entity, place.name, opened.head.name)
    found = {each.name: _of_run(each, at) for each in code_files(run)}
    for version in source_versions_of(run):
        collection, number = version.collection, f"v{version.version.number}"
        where = artifact_url(place.entity, place.name, collection.type_name, collection.name, number)
        for entry in _entries(version):
            name = _HERE + entry.path
            there = found.get(name)
            if there is not None and there.digest == entry.digest:
                continue
            name = name if there is None else f"{version.collection.name}/{entry.path}"
            found[name] = _of_artifact(version, entry, name, where)
    return sorted(found.values(), key=lambda each: each.name)


def count_sources(run: Run) -> int:
    """How many files are in the folders of code that a run sent."""
    return sum(each.file_count for each in source_versions_of(run))


def _entries(version: OpenVersion) -> Iterator[Entry]:
    """The files whose bytes are here: what a reference points at is never fetched."""
    for start in range(0, version.file_count, _STRETCH):
        for entry in list_entries(version.version, start=start, count=_STRETCH):
            if entry.stored:
                yield entry


def _of_run(each: OpenFile, at: str) -> CodeFile:
    digest = each.md5_base64 or each.sha256_hex
    read = partial(read_file, each.file)
    return CodeFile(each.name, each.size, digest, each.file.updated_at, at, each.name, read)


def _of_artifact(opened: OpenVersion, entry: Entry, name: str, at: str) -> CodeFile:
    version = opened.version

    def read(*, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return read_stored(version, find_by_digest(version, entry.digest), start=start, end=end)

    moment = version.committed_at or version.created_at
    return CodeFile(name, entry.size, entry.digest, moment, at, entry.path, read)
