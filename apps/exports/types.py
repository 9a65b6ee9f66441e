from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

FORMAT = "ownlog-export/1"
MOST_RUNS = 500  # named one by one; a whole project has no limit


class ExportScope(StrEnum):
    """What one export holds."""

    RUNS = "runs"  # some runs of one project
    PROJECT = "project"  # a project with everything in it
    ENTITY = (
        "entity"  # all projects of a person or a team that the asker may read, and what is said of its owner
    )
    ACCOUNT = "account"  # the same of a person's own, with everything that is held of the person


class ExportState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"  # whoever asked may read it no more, or it broke off too often


UNDER_WAY = (ExportState.QUEUED, ExportState.RUNNING)


class Tables(StrEnum):
    """In which format the lines of histories are written. Parquet keeps every value; CSV is for spreadsheets."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


class ItemKind(StrEnum):
    """What an archive is put together of; each is written at one go."""

    ACCOUNT = "account"
    ENTITY = "entity"
    PROJECT = "project"
    RUN = "run"  # what is said of a run, and its lines
    FILES = "files"  # a stretch of a run's files
    COLLECTION = "collection"
    VERSION = "version"  # a stretch of a version's files, with the first of them what is said of it


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive. Its bytes are made when they are asked for."""

    path: str
    read: Callable[[], Iterable[bytes]]
    moment: datetime
    is_packed: bool = False  # its bytes would not become fewer


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not in the archive, and why."""

    path: str
    why: str


Content = Iterator[Member | LeftOut]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as it lies in a piece of the archive."""

    path: str
    offset: int  # of its header, in its piece
    size: int
    packed_size: int
    crc: int
    sha256_hex: str
    is_deflated: bool
    moment: int  # as ZIP has it: date and time of two seconds


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an export is. `seconds_left` is told once there is something to reckon by."""

    done: int
    total: int
    seconds_left: int | None

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 0
