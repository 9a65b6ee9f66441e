from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apps.artifacts.models import Collection, Link, Manifest, Promotion, StoredFile, Version

LATEST = "latest"


class CollectionKind(StrEnum):
    SEQUENCE = "sequence"  # versions that follow one another
    PORTFOLIO = "portfolio"  # versions of other collections, linked


class VersionState(StrEnum):
    PENDING = "pending"  # being uploaded: nobody sees it
    COMMITTED = "committed"
    DELETED = "deleted"  # its key is gone; what is left of it is being cleared away


class Move(StrEnum):
    """What happens to a link of a portfolio."""

    LINKED = "linked"
    UNLINKED = "unlinked"
    CUT = "cut"  # its version was erased where it was made
    ALIAS_MOVED = "alias_moved"
    ALIAS_DROPPED = "alias_dropped"


@dataclass(frozen=True, slots=True)
class RegistryWords:
    """Which types a registry takes, and which aliases only its admins move."""

    takes_all_types: bool = True
    types: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()


class ManifestKind(StrEnum):
    FULL = "full"
    INCREMENTAL = "incremental"  # what changed since another version
    PATCH = "patch"  # one writer's part of a version that several write


class RunRole(StrEnum):
    INPUT = "input"  # the run read it
    OUTPUT = "output"  # the run made it, or made it again to the byte


@dataclass(frozen=True, slots=True)
class VersionWords:
    """What somebody said of a version, sealed as one."""

    digest: str = ""
    description: str | None = None
    metadata_text: str | None = None  # JSON, as it was sent
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()  # wanted at the commit; afterwards they are rows
    base: str = ""  # public id of the version that an incremental one goes on from
    history_step: int | None = None

    @property
    def letters(self) -> int:
        """How many there are in all."""
        texts = (self.description or "", self.metadata_text or "", *self.tags, *self.aliases)
        return sum(map(len, texts))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> VersionWords:
        known = {name: value[name] for name in cls.__slots__ if name in value}
        lists = {name: tuple(known.get(name, ())) for name in ("tags", "aliases")}
        return cls(**(known | lists))


@dataclass(frozen=True, slots=True)
class OpenCollection:
    """A collection with its words unsealed, for as long as a request lasts."""

    collection: Collection
    name: str
    type_name: str
    description: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenVersion:
    """A version with its words unsealed, and the aliases that lead to it."""

    version: Version
    collection: OpenCollection
    words: VersionWords
    aliases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As people call it: `collection:v3`."""
        return f"{self.collection.name}:v{self.version.number}"

    @property
    def size(self) -> int:
        return self.version.size

    @property
    def file_count(self) -> int:
        return self.version.file_count


@dataclass(frozen=True, slots=True)
class Member:
    """A version in a portfolio: the link, the portfolio, the version as it was made, and the aliases that lead to it here."""

    link: Link
    portfolio: OpenCollection
    source: OpenVersion
    aliases: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As people call it: `portfolio:v0`."""
        return f"{self.portfolio.name}:v{self.link.number}"


@dataclass(frozen=True, slots=True)
class OpenPromotion:
    """One line of a portfolio's history."""

    promotion: Promotion
    portfolio: OpenCollection
    alias: str
    by: str  # empty once that person is gone


@dataclass(frozen=True, slots=True)
class CollectionSum:
    """How many versions a collection has, and the newest, not opened, with its number in this collection."""

    versions: int
    newest: Version
    number: int


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What a script says of the version that it is about to upload."""

    type_name: str
    collection: str
    digest: str
    client_id: str = ""
    sequence_client_id: str = ""
    distributed_id: str = ""
    description: str | None = None
    metadata_text: str | None = None
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ttl_seconds: int | None = None
    history_step: int | None = None
    reuses_equal: bool = True  # a version of the same digest is the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCollection:
    """A collection as it stood elsewhere. Its versions, or links, come after it."""

    name: str
    type_name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    kind: CollectionKind = CollectionKind.SEQUENCE
    public_id: str = ""  # kept where nobody bears it, nor ever did
    versions_made: int = 0
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVersion:
    """A committed version as it stood elsewhere."""

    number: int
    new: NewVersion
    public_id: str = ""
    created_at: datetime
    committed_at: datetime
    updated_at: datetime | None = None  # of what is said of it; nothing: not since it was committed


@dataclass(frozen=True, slots=True)
class PastFile:
    """A file of such a version: its bytes, or the address where they lie."""

    entry: Entry
    read: Callable[[], Iterable[bytes]] | None = None


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A file that is about to be uploaded: its path and the digest it must have; of a very large one also those of its parts."""

    name: str
    md5_base64: str
    parts: Sequence[Part] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of a file that comes in parts, counted from 1."""

    number: int
    md5_hex: str
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """Where the bytes of a wanted file go. None: they are here already."""

    file: StoredFile | None
    birth: str  # public id of the version with which these bytes came


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a version."""

    path: str
    digest: str
    size: int
    ref: str = ""  # where the bytes lie when they are not here
    birth: str = ""  # id of the version with which they came, as the client spells it
    stored: int = 0  # the stored file's row; 0 for a reference
    extra: str = ""  # JSON text of what a reference says beyond that

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Folder:
    """What lies directly in one folder of a version: its folders with what is below each, and a page of its files."""

    path: str
    folders: Sequence[FolderSum]
    files: Sequence[Entry]
    file_total: int  # files that lie directly in it
    start: int


@dataclass(frozen=True, slots=True)
class FolderSum:
    name: str
    path: str
    files: int
    size: int


class ChangeKind(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    kind: ChangeKind
    path: str
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Two versions compared: how many files of each kind, and a page of them by path."""

    added: int
    changed: int
    removed: int
    same: int
    changes: Sequence[Change]
    start: int


@dataclass(frozen=True, slots=True)
class ManifestRoom:
    """Where a manifest goes."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class VersionPatch:
    """A change of a version. None leaves a field as it is."""

    description: str | None = None
    metadata_text: str | None = None
    ttl_seconds: int | None = None  # -1: as the collection's, -2: never
    add_tags: Sequence[str] = field(default_factory=tuple)
    remove_tags: Sequence[str] = field(default_factory=tuple)
    aliases: Sequence[str] | None = None  # instead of those there are


def with_stored(entry: Entry, stored: int) -> Entry:
    return replace(entry, stored=stored)
