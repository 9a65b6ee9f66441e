from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from apps.access.policy import Visibility

if TYPE_CHECKING:
    from apps.projects.models import Project, ShareLink


PUBLISHED = frozenset({Visibility.PUBLIC, Visibility.OPEN})
LINK_DAYS = (1, 7, 30, 90, 365)  # how long a share link may work: none works for ever
LONGEST_LABEL = 200


class NamedRole(StrEnum):
    """What a person may be made in a restricted project; the values are those of access.policy.Role."""

    MEMBER = "member"
    VIEWER = "viewer"


class RegistryRole(StrEnum):
    """What a person or a team may be made in a registry; the values are those of access.policy.Role."""

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class OpenProject:
    """A project with its words unsealed, for as long as a request lasts."""

    project: Project
    entity: str
    name: str
    description: str
    visibility: Visibility  # as it is: less than what was chosen where an organisation allows no more


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A share link with its label unsealed."""

    link: ShareLink
    label: str
    is_shut: bool  # opens nothing while its maker's account waits to be erased


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """Somebody whose name stands in a project."""

    username: str
    role: NamedRole
    since: datetime
    is_outsider: bool
    has_left: bool  # named as one of the entity's people, and no longer one: it counts for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class PastProject:
    """What was said of a project elsewhere, and when. Who might see it there is not part of it: what comes is private."""

    description: str = ""
    public_id: str = ""  # kept where nobody bears it, nor ever did
    runs_made: int = 0
    created_at: datetime
    last_activity_at: datetime
