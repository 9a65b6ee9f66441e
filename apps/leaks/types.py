from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from apps.code_saving.credentials import Detector


class Place(StrEnum):
    """Where in a run a credential was seen."""

    CONFIG = "config"  # command line included: the client tells of it there
    CONSOLE = "console"
    CODE = "code"  # a script, patch or notebook, which is erased whole
    ARTIFACT = "artifact"  # a file of a version that the run made
    FILE = "file"  # what the client writes down of the machine and the command line


class State(StrEnum):
    OPEN = "open"
    DISMISSED = "dismissed"  # somebody said that it is no secret
    ERASED = "erased"
    MASKED = "masked"  # on the way in: the value was never stored


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a credential stands and what it looks like; never the value, and nothing made from it."""

    place: Place
    detector: Detector
    path: tuple[str | int, ...] = ()  # in the config
    writer: str = ""  # of the console, as stored: hexadecimal
    line: int = 0  # of the console or the file, from 0
    last: int = 0  # the line in which it ends
    file: str = ""
    version: str = ""  # of an artifact: its public id

    @property
    def name(self) -> str:
        """What the spot is known again by. A line of a file moves when the file changes; it stays the same finding."""
        where: list[Any] = (
            [self.writer, self.line] if self.place is Place.CONSOLE else [*self.path, self.file]
        )
        if self.version:
            where.append(self.version)
        return "\0".join(map(str, [self.place, self.detector, *where]))

    def as_json(self) -> dict[str, Any]:
        return {
            "place": self.place.value,
            "detector": self.detector.value,
            "path": list(self.path),
            "writer": self.writer,
            "line": self.line,
            "last": self.last,
            "file": self.file,
            "version": self.version,
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Spot:
        return cls(
            place=Place(said["place"]),
            detector=Detector(said["detector"]),
            path=tuple(said["path"]),
            writer=said["writer"],
            line=said["line"],
            last=said["last"],
            file=said["file"],
            version=said.get("version", ""),  # findings of before have none
        )


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding with its spot unsealed, for as long as a request lasts."""

    public_id: str
    state: State
    found_at: datetime
    spot: Spot
