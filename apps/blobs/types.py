from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.blobs.models import Blob


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object in the store: a random name and what anybody with the disk can see."""

    name: str
    size: int
    stored_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class StoredBlob:
    """A blob just written, with the digests of its content: they are content, to be sealed by whoever keeps them."""

    blob: Blob
    size: int
    md5_b64: str
    sha256_hex: str

    def __repr__(self) -> str:
        return f"<StoredBlob {self.blob}>"


@dataclass(frozen=True, slots=True)
class Swept:
    """How much a sweep took away."""

    uploads: int = 0
    blobs: int = 0
    objects: int = 0
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Freed:
    """What a deletion took away: rows, those of them that were asked for, and the bytes as they were stored of blobs that nobody
    else used."""

    rows: int = 0
    things: int = 0
    size: int = 0
