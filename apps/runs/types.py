from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.runs.models import Run


class RunState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"
    KILLED = "killed"
    PREEMPTING = "preempting"
    PREEMPTED = "preempted"

    @classmethod
    def closed(cls) -> frozenset[RunState]:
        """States in which no more data is expected; data that comes all the same revives the run."""
        return frozenset({cls.FINISHED, cls.FAILED, cls.CRASHED, cls.KILLED, cls.PREEMPTED})


class AlertLevel(StrEnum):
    """As the client names them; `run.alert()` without one is INFO."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Stream(StrEnum):
    HISTORY = "history"
    EVENTS = "events"
    OUTPUT = "output"


@dataclass(slots=True)
class Head:
    """What a run is called and how it was started; sealed as one JSON object."""

    name: str  # the id that the client chose, unique in the project
    display_name: str = ""
    notes: str = ""
    description: str = ""
    tags: list[str] = field(default_factory=list)
    group: str = ""
    job_type: str = ""
    commit: str = ""
    program: str = ""
    sweep: str = ""
    dropped: list[str] = field(default_factory=list)  # names of entries about the machine that were not kept
    author: str = ""  # of a run that was imported: who made it where it came from, as was said there

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Head:
        known = {f.name for f in fields(cls)}
        return cls(**{key: item for key, item in value.items() if key in known})


@dataclass(frozen=True, slots=True)
class BranchPoint:
    """Where a fork leaves its parent: the parent's name and the last step the two share."""

    run_name: str
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPatch:
    """What to set on a run. None leaves a field as it is; texts are kept to the letter."""

    display_name: str | None = None
    notes: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    job_type: str | None = None
    commit: str | None = None
    program: str | None = None
    sweep: str | None = None
    config_text: str | None = None
    is_part_of_config: bool = False  # one writer's share of it: what others have set stays
    summary_text: str | None = None
    state: RunState | None = None
    branch_point: BranchPoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run as it stood elsewhere, with its moments. Its lines and files come after it."""

    name: str
    patch: RunPatch  # config, summary and what is said of it; without a state
    state: RunState
    exit_code: int | None = None
    number: int = 0  # nothing: the next one of its project
    public_id: str = ""  # kept where nobody bears it, nor ever did
    author: str = ""
    login: str = (
        ""  # who was signed in to the machine: the author where such things are kept, and else nobody
    )
    dropped: Sequence[str] = ()
    created_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None = None
    lines: Mapping[Stream, int] = field(default_factory=dict)  # as a client counts them that goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAlert:
    """An alert as a script raised it elsewhere."""

    level: AlertLevel
    title: str
    text: str
    raised_at: datetime
    repeats: int = 0
    last_at: datetime | None = None  # the last of these; nothing: not known, or none
    public_id: str = ""  # kept where nobody bears it, nor ever did


HEAD_FIELDS = (
    "display_name",
    "notes",
    "description",
    "tags",
    "group",
    "job_type",
    "commit",
    "program",
    "sweep",
)


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run with its words unsealed, for as long as a request lasts."""

    run: Run
    head: Head
    config_text: str  # JSON of an object, as the client sent it
    summary_text: str  # JSON of an object, as the client sent it


@dataclass(frozen=True, slots=True)
class RunCount:
    """How many runs a project has, and how many of them run now."""

    total: int = 0
    running: int = 0


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a stream that follow each other, and the number of the first."""

    first: int
    lines: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """What a client sends in one request. Any of it may be absent, and with nothing at all it is a heartbeat."""

    streams: Mapping[Stream, Lines] = field(default_factory=dict)
    summary_text: str | None = None  # JSON text of the whole summary
    writer: str = ""  # in shared mode the client's id of this writer, whose lines are counted apart
    is_by_hand: bool = (
        False  # by a person, after all there is; the client's line numbers and the run's state stay
    )
    is_preempting: bool = False
    is_complete: bool = False
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class AppendResult:
    """How the run stands after a request."""

    state: RunState
    is_stop_requested: bool


@dataclass(frozen=True, slots=True)
class Series:
    """The points of one metric, ready to draw: NaN and infinities are among them."""

    x: list[float]
    y: list[float]


@dataclass(frozen=True, slots=True)
class Fresh:
    """What came after a cursor. With `is_reset` the reader forgets what it has: the run was rewound."""

    rows: list[dict[str, Any]]
    cursor: str
    is_reset: bool


@dataclass(frozen=True, slots=True)
class ConsoleChanges:
    """Stretches of console lines (first, count) that came or were written anew, of so many lines in all."""

    cursor: str
    total: int
    stretches: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert with its words."""

    run: Run
    public_id: str
    level: AlertLevel
    title: str
    text: str
    raised_at: datetime
    repeats: int
    last_at: datetime
