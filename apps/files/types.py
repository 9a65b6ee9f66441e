from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.files.models import RunFile


class Withheld(StrEnum):
    """Why a file was not stored."""

    CODE = "code"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A stored run file with its words unsealed, for as long as a request lasts."""

    file: RunFile
    name: str  # as the client sent it, with / between folders
    md5_base64: str
    sha256_hex: str

    @property
    def size(self) -> int:
        return self.file.size


@dataclass(frozen=True, slots=True)
class Announced:
    """The answer for one announced name: where its bytes will go, or None when they are not to be stored, and why not."""

    name: str
    file: RunFile | None
    refused: Withheld | None = None


@dataclass(frozen=True, slots=True)
class FileName:
    """One of a run's many files, as far as a list of names needs it."""

    id: int
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class PastFile:
    """A file of a run as it stood elsewhere."""

    name: str
    updated_at: datetime
    read: Callable[[], Iterable[bytes]]
    created_at: datetime | None = None  # nothing: when it was changed
