"""Looking through the files of versions that a run made: all of code, of others small texts; both within bounds."""

from __future__ import annotations

import logging
from collections.abc import Callable

from apps.artifacts.models import Version
from apps.artifacts.queries import find_by_digest, list_entries, read_stored
from apps.artifacts.queries.code import made_versions
from apps.artifacts.types import Entry
from apps.code_saving.credentials import Detector, find
from apps.core.errors import NotFound
from apps.leaks.lines import lines_of
from apps.leaks.notes import note
from apps.leaks.types import Place, Spot
from apps.runs.models import Run
from apps.vault.errors import KeyGone, Tampered

MOST_OF_CODE = 1024 * 1024  # of a file: what is longer is no script that somebody wrote
MOST_OF_A_TEXT = 64 * 1024
MOST_FILES = 1_000  # of a version
_STRETCH = 200
UNREADABLE = (KeyGone, NotFound, Tampered)  # what cannot be read, also when it is tried again
# Of artifacts that are no code: how files are called in which keys are forgotten.
_TEXTS = [
    ".cfg",
    ".conf",
    ".env",
    ".ini",
    ".ipynb",
    ".json",
    ".md",
    ".patch",
    ".pem",
    ".properties",
    ".py",
    ".sh",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
]
log = logging.getLogger(__name__)


def look_at_artifacts(run: Run, seen: dict[str, int], beat: Callable[[], None]) -> None:
    """`seen`: by version, how many of its files were looked at. A version never changes: each is looked at once.

    What is damaged, or erased by somebody at this moment, keeps nothing else of the run from being looked at.
    """
    for version, is_code in made_versions(run):
        most = min(version.file_count, MOST_FILES)
        for start in range(seen.get(version.public_id, 0), most, _STRETCH):
            for entry in _entries(version, start, min(_STRETCH, most - start)):
                if _is_wanted(entry, is_code=is_code):
                    note(run, _spots_in(version, entry))
            seen[version.public_id] = min(start + _STRETCH, most)
            beat()


def _is_wanted(entry: Entry, *, is_code: bool) -> bool:
    if not entry.stored:
        return False
    if is_code:
        return entry.size <= MOST_OF_CODE
    return entry.size <= MOST_OF_A_TEXT and entry.path.lower().endswith(tuple(_TEXTS))


def _entries(version: Version, start: int, count: int) -> list[Entry]:
    try:
        return list_entries(version, start=start, count=count)
    except UNREADABLE as error:
        _leave_out(version, error)
        return []


def _spots_in(version: Version, entry: Entry) -> list[Spot]:
    try:
        data = b"".join(read_stored(version, find_by_digest(version, entry.digest)))
    except UNREADABLE as error:
        _leave_out(version, error)
        return []
    if b"\0" in data:  # no text
        return []
    first_of: dict[Detector, int] = {}
    for each in lines_of(data, find(data)):
        first_of.setdefault(each.detector, each.first)
    return [
        Spot(Place.ARTIFACT, kind, line=line, file=entry.path, version=version.public_id)
        for kind, line in first_of.items()
    ]


def _leave_out(version: Version, error: Exception) -> None:
    log.warning("not looked through: version=%s error=%s", version.pk, type(error).__name__)
