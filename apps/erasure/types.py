from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.artifacts.models import Link
    from apps.teams.queries import LastOf

# From asking to the receipt. Past it an alarm is raised, and it is tried on.
HARD_LIMIT = timedelta(hours=24)


class Scope(StrEnum):
    """What one job erases."""

    FILES = "files"  # some files of one run or of several
    RUNS = "runs"  # some runs of one project
    PROJECT = "project"  # a project and everything in it
    TEAM = "team"  # a team and everything in it
    ACCOUNT = "account"  # a person's account and everything of their own
    ORGANISATION = "org"  # an organisation with its registries; its teams stay
    VERSIONS = "versions"  # some versions of artifacts of one owner
    ARTIFACT = "artifact"  # an artifact with all its versions, or a collection of links
    PART = "part"  # metrics, values or media of one run, which itself stays
    EXPORTS = "exports"  # some exports of one owner. Jobs of any scope erase those that hold what they erase


# Names of people and places stand in the clear in the database: what erases one of these clears them away besides (`clearing`).
WITH_NAMES = frozenset({Scope.TEAM, Scope.ACCOUNT, Scope.ORGANISATION})


class Step(StrEnum):
    """The ladder, in order. Closing and recording are one transaction: a job that exists is past it."""

    WAIT = "wait"  # until it can no longer be taken back; then what leads to it is cut
    SHRED = "shred"  # the keys: from here on nobody can read it
    BYTES = "bytes"  # stored objects, with all their versions
    ROWS = "rows"
    PROVE = "prove"  # each store is asked again
    EPOCH = "epoch"  # until no earlier copy of the vault opens it
    CERTIFY = "certify"  # the receipt
    DONE = "done"
    TAKEN_BACK = "taken_back"  # in its time of grace: nothing was erased

    @classmethod
    def over(cls) -> frozenset[Step]:
        """Nothing more is to be done."""
        return frozenset({cls.DONE, cls.TAKEN_BACK})


class Trace(StrEnum):
    """What a job deletes outside of the tables that it clears, remembered until it is proven to be gone."""

    HEAD = "head"  # a key that the job was asked for: it leaves a tombstone
    NODE = "node"  # any key, those above included
    BLOB = "blob"  # the key of a stored file
    OBJECT = "object"  # where its bytes lay: a random name of 128 bits
    PERSON = "person"  # the row of an account, by its number


class Cause(StrEnum):
    ASKED = "asked"  # somebody asked for it
    RETENTION = "retention"  # the owner's setting did


@dataclass(frozen=True, slots=True)
class Called:
    """One thing that waits to be erased, as it is called while that can be taken back."""

    name: str  # of a run the one that is shown, of a version with its number
    run: str = ""  # the id of the run that it is, or lies in
    project: str = ""  # in which it lies


@dataclass(frozen=True, slots=True)
class VersionsWouldGo:
    """What an erasure of versions takes. Bytes as they are stored."""

    versions: int
    files: int  # that nobody else holds
    shared: int  # that came with them, and stay for others
    stored_bytes: int
    is_at_most: bool  # they are too many to be asked about one by one: some may stay


@dataclass(frozen=True, slots=True)
class Uses:
    """What notices when versions go: links, and runs that the asker may see."""

    links: Sequence[Link]
    read: Mapping[int, int]  # by the row of a version how many runs have read it

    @property
    def used(self) -> frozenset[int]:
        """The rows of the versions that are read or linked."""
        return frozenset({each.version_id for each in self.links} | self.read.keys())


@dataclass(frozen=True, slots=True)
class TeamWouldGo:
    """What the erasure of a team takes beside runs and files, and who notices."""

    projects: int
    versions: int  # of artifacts
    people: int
    services: int
    linked: int  # links to versions of it in registries and elsewhere


@dataclass(frozen=True, slots=True)
class AccountWouldGo:
    """What the erasure of an account takes beside runs and files, what stays without an author, and what is in its way."""

    projects: int
    versions: int
    keys: int  # that are not revoked
    places: int  # teams and organisations that they leave
    stays: int  # runs of theirs in teams, and in others' projects
    hooks: int  # webhooks that they made there, which go on
    linked: int
    last_of: tuple[LastOf, ...]  # first to be handed over or erased


@dataclass(frozen=True, slots=True)
class OrganisationWouldGo:
    """What the erasure of an organisation takes, and who notices."""

    registries: int
    links: int
    people: int
    teams: int  # which stay


@dataclass(frozen=True, slots=True)
class WouldGo:
    """What an erasure takes, in numbers. Bytes as they are stored."""

    runs: int
    running: int
    files: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class PartsWouldGo:
    """What an erasure of parts of a run takes. Bytes of the files as they are stored."""

    values: int  # in the history
    files: int
    stored_bytes: int
    copies: tuple[str, ...]  # files in which the client wrote the same down: they go whole
