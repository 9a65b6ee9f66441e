"""What MLflow keeps of an experiment and of a run, whether it lies in a folder or is asked of a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from apps.files.types import PastFile
from apps.imports.types import Beat


class Point(NamedTuple):
    """One value of a metric."""

    at: int  # milliseconds
    value: float
    step: int


def is_possible(point: Point) -> bool:
    """Whether a clock, and a counter of 64 bits, could have said so."""
    return abs(point.at) < 2**43 and -(2**63) <= point.step < 2**63


@dataclass(frozen=True, slots=True)
class Experiment:
    key: str
    name: str
    created_at: datetime | None
    changed_at: datetime | None
    notes: str


@dataclass(frozen=True, slots=True)
class Logged:
    """A run, but for its values and files."""

    key: str
    name: str
    status: str
    login: str  # of the machine, which MLflow notes by itself
    began_at: datetime
    ended_at: datetime | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Sequence[str]
    place: str = ""
    artifacts: Sequence[str] = ()


class Store(Protocol):
    """Where it lies. Asked again it answers the same, in the same order."""

    @property
    def beat(self) -> Beat: ...

    @property
    def fingerprint(self) -> bytes: ...

    @property
    def things(self) -> int: ...

    @property
    def left_out(self) -> int: ...

    def experiments(self) -> Sequence[Experiment]: ...

    def runs(self, experiment: Experiment) -> Iterator[Logged]: ...

    def points(self, run: Logged, metric: str) -> Iterator[Point]: ...

    def series(self, run: Logged, metrics: Sequence[str]) -> Mapping[str, Iterator[Point]]:
        """Points of many metrics, to be read side by side."""

    def files(self, run: Logged) -> Iterator[PastFile]: ...

    def close(self) -> None: ...
