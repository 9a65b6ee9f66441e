"""The code that is kept with a run, wherever it lies: its own files, and the folder that `run.log_code()` sent as an artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.artifacts.queries import find_by_digest, list_entries, read_stored
from apps.artifacts.queries.code import source_versions_of
from apps.artifacts.types import Entry, OpenVersion
from apps.files.code import code_files
from apps.files.queries import read_file
from apps.files.types import OpenFile
from apps.projects.queries import open_project
from apps.runs.types import OpenRun
from apps.vault.damage import leave_out, leaving_out_damaged
from apps.vault.errors import Tampered
from apps.web.links import artifact_url, run_url
from apps.web.serving import Handed

if TYPE_CHECKING:
    from apps.runs.models import Run

# As the client calls the same script where it sends it as a file of the run: runs are then compared whichever way it came.
_HERE = "code/"
_STRETCH = 1000
_NOTE = "NOT-ALL-FILES.txt"
MOST = 5_000  # of a run: a few kilobytes of memory each


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


def kept_code(opened: OpenRun) -> tuple[list[CodeFile], int]:
    """All code of a run that was fetched with FILE_READ, by name, and how many files are left out. What came both ways and is
    the same stands once.

    Of folders the first `MOST` files: one may list a quarter of a million, and its own page shows those by the page.
    """
    run, room = opened.run, MOST
    place = open_project(run.project)
    at = run_url(place.entity, place.name, opened.head.name)
    found = {each.name: _of_run(each, at) for each in code_files(run)}
    left_out = 0
    for version in source_versions_of(run):
        collection, number = version.collection, f"v{version.version.number}"
        where = artifact_url(place.entity, place.name, collection.type_name, collection.name, number)
        some = min(version.file_count, room)
        room, left_out = room - some, left_out + version.file_count - some
        for entry in _entries(version, some):
            name = _HERE + entry.path
            there = found.get(name)
            if there is not None and there.digest == entry.digest:
                continue
            name = name if there is None else f"{version.collection.name}/{entry.path}"
            found[name] = _of_artifact(version, entry, name, where)
    return sorted(found.values(), key=lambda each: each.name), left_out


def note_of_left_out(left_out: int, moment: datetime) -> Handed:
    """A file that says in an archive how many files are not in it, and where they are."""
    says = ngettext(
        "%(n)d file of this run’s code is not in this archive: it holds the first %(most)d of the folders that the run sent.",
        "%(n)d files of this run’s code are not in this archive: it holds the first %(most)d of the folders that the run sent.",
        left_out,
    ) % {"n": left_out, "most": MOST}
    where = _("All of them are in the artifacts of type “code” that the run made.")
    data = f"{says}\n{where}\n".encode()
    return Handed(_NOTE, len(data), moment, lambda: iter([data]))


def count_sources(run: Run) -> int:
    """How many files are in the folders of code that a run sent, as far as its Code tab shows them. Damaged ones count for
    nothing: every page of the run asks this."""
    with leaving_out_damaged():
        return min(MOST, sum(each.file_count for each in source_versions_of(run)))


def _entries(version: OpenVersion, most: int) -> list[Entry]:
    """The files whose bytes are here: what a reference points at is never fetched."""
    try:
        stretches = [
            list_entries(version.version, start=start, count=min(_STRETCH, most - start))
            for start in range(0, most, _STRETCH)
        ]
    except Tampered as error:
        leave_out(error)
        return []
    return [entry for stretch in stretches for entry in stretch if entry.stored]


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
