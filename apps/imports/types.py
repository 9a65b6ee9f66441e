"""What a reader yields: things as they stood elsewhere, in the words of this house. Everything large is read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from apps.artifacts.types import PastCollection, PastFile, PastVersion, RunRole
from apps.files.types import PastFile as PastRunFile
from apps.projects.types import PastProject, PastView
from apps.runs.types import PastAlert, PastRun, Stream


class Origin(StrEnum):
    """Where an import comes from; each has a reader."""

    OWNLOG = "ownlog"  # an archive of ours (docs/export-format.md)
    WANDB_OFFLINE = "wandb_offline"  # folders that the client left where it had no server
    TENSORBOARD = "tensorboard"  # a folder of event files
    WANDB = "wandb"  # a server that the client logs to
    MLFLOW = "mlflow"  # its file store, as a folder or as a ZIP of it, or its server
    NEPTUNE = "neptune"  # what its exporter left, as a folder or as a ZIP of it


class Clash(StrEnum):
    """What becomes of a project whose name is in use."""

    SKIP = "skip"
    RENAME = "rename"


class ImportState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    GIVEN_UP = "given_up"  # what had come of it is being erased


class ItemKind(StrEnum):
    PROJECT = "project"
    RUN = "run"
    COLLECTION = "collection"
    VERSION = "version"


@dataclass(frozen=True, slots=True)
class WholeRun:
    """A run with all that it logged."""

    was: PastRun
    # Stretches of lines in their order, each small enough to be held and stored at one go.
    lines: Mapping[Stream, Callable[[], Iterable[Sequence[str]]]]
    files: Callable[[], Iterable[PastRunFile]]
    # Which versions it read and made, as their lineage calls them, in the order in which it did.
    versions: Mapping[RunRole, Sequence[str]] = field(default_factory=dict)
    alerts: Callable[[], Sequence[PastAlert]] = tuple  # the first raised first
    id: str = ""  # what lineage calls it, where that is not its key


@dataclass(frozen=True, slots=True)
class BroughtRun:
    """A run that is there to be brought. `key` tells it from every other of the same import, in whatever order they come, and is known
    without reading it: `read` is asked only where it has not come yet."""

    key: str
    read: Callable[[], WholeRun]


@dataclass(frozen=True, slots=True)
class WholeVersion:
    was: PastVersion
    files: Callable[[], Iterable[PastFile]]
    maker: str = ""  # the run that made it first, as lineage calls it
    id: str = ""  # what lineage and links call it, where that is not its key
    lost: Sequence[str] = ()  # paths of files that are known to be nowhere already


@dataclass(frozen=True, slots=True)
class BroughtVersion:
    """The same of a version. Nothing is read of one that is gone meanwhile."""

    key: str
    read: Callable[[], WholeVersion | None]


@dataclass(frozen=True, slots=True)
class BroughtLink:
    """A version, by what lineage calls it, as a member of a portfolio."""

    version: str
    number: int
    aliases: Sequence[str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BroughtCollection:
    key: str
    was: PastCollection
    versions: Callable[[], Iterable[BroughtVersion]]
    links: Sequence[BroughtLink] = ()


@dataclass(frozen=True, slots=True)
class BroughtProject:
    key: str
    name: str
    was: PastProject
    runs: Callable[[], Iterator[BroughtRun]]
    collections: Callable[[], Iterator[BroughtCollection]]
    views: Callable[[], Sequence[PastView]] = tuple


def nobody_listens() -> None:
    """What a beat tells until somebody does."""


@dataclass(slots=True)
class Beat:
    """Called with each piece that is read, however long before anything comes of it: whoever brings it says by that that they live."""

    tell: Callable[[], None] = nobody_listens

    def __call__(self) -> None:
        self.tell()


class Reader(Protocol):
    """Something that was logged elsewhere. It may be read again, and then yields the same in the same order."""

    origin: Origin

    @property
    def beat(self) -> Beat: ...

    @property
    def fingerprint(self) -> bytes:
        """The same for the same content, so that what broke off is known when it is brought again."""

    @property
    def things(self) -> int:
        """How many runs and versions there are, or 0 where only reading tells."""

    @property
    def left_out(self) -> int:
        """How many things are known to be missing from it: what is counted while one thing is read is noted with that, and what is counted
        before or between them is counted each time."""

    def projects(self) -> Iterator[BroughtProject]:
        """All of it. Broken where it is not what it should be, whenever that shows."""

    def close(self) -> None:
        """Let go of what is open."""


@dataclass(slots=True)
class Tally:
    """What one import has come to."""

    projects: int = 0
    runs: int = 0
    versions: int = 0
    left_out: int = 0
