"""What a page says before versions are erased: how much goes, what stays for others, and who notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from apps.artifacts.queries import in_projects_seen
from apps.erasure.queries import uses_of, versions_would_go
from apps.projects.queries import open_projects
from apps.web.links import project_url

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.artifacts.models import Version
    from apps.erasure.types import VersionsWouldGo

_MOST_PLACES = 20


class Chosen(StrEnum):
    """Which versions of an artifact go."""

    UNUSED = "unused"  # those that no run that the asker may see has read and nothing links
    ALL = "all"
    WHOLE = "whole"  # all of them, while nothing uses one: nobody was asked


@dataclass(frozen=True, slots=True)
class ShownIn:
    """A project or a registry with links to what goes, which the asker may see."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Noticing:
    went: VersionsWouldGo
    readings: int  # that runs which the asker may see have read them
    read: int  # how many of the versions those are
    linked: int  # how many of them something links
    places: list[ShownIn]
    used: frozenset[int]  # the rows of those that are read or linked

    @property
    def is_used(self) -> bool:
        return bool(self.used)

    @property
    def unused(self) -> int:
        return self.went.versions - len(self.used)

    @property
    def proposed(self) -> Chosen:
        """What is chosen until somebody says otherwise: what takes nothing from anybody."""
        return Chosen.UNUSED if self.used else Chosen.WHOLE


def noticing(actor: Actor, versions: Sequence[Version]) -> Noticing:
    """Runs and places that the asker may not see are not told of; that a version is linked is on its team's record."""
    uses = uses_of(actor, versions)
    places = open_projects(in_projects_seen(actor, uses.links, most=_MOST_PLACES))
    return Noticing(
        went=versions_would_go(versions),
        readings=sum(uses.read.values()),
        read=len(uses.read),
        linked=len({each.version_id for each in uses.links}),
        places=[ShownIn(each.name, project_url(each.entity, each.name)) for each in places],
        used=uses.used,
    )
