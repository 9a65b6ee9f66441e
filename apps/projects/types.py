from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from apps.access.policy import Visibility

if TYPE_CHECKING:
    from apps.projects.models import Project, SavedView, ShareLink


PUBLISHED = frozenset({Visibility.PUBLIC, Visibility.OPEN})
LINK_DAYS = (1, 7, 30, 90, 365)  # how long a share link may work: none works for ever
LONGEST_LABEL = 200

# What the address of a project's page says of its table and its charts, by the names that stand there: everything but the
# place in the list.
TABLE_WORDS = (
    "q",  # conditions
    "order",
    "col",
    "pin",
    "group",
    "open",  # groups that are unfolded
    "first",  # so many runs are in the charts unasked
    "hide",  # and without these
    "show",  # and with these besides
    "x",
    "xs",
    "ys",
    "smooth",
    "zoom",
    "zx",
    "lines",
    "fold",
    "width",
)
OF_RUNS = ("open", "hide", "show")  # of these words the texts are public ids of runs, with dots between them
MOST_VIEWS = 100  # of a project
LONGEST_VIEW_NAME = 100
MOST_VIEW_BYTES = 7 * 1024  # in the address that its link leads to: proxies take lines of 8 KiB
MOST_BROUGHT_VIEW_BYTES = 16 * 1024  # of any, as it is kept: one from elsewhere comes whole

# The texts under each of TABLE_WORDS, in their order.
Table = Mapping[str, Sequence[str]]


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
class NamedView:
    """A saved view with its name unsealed."""

    view: SavedView
    name: str

    @property
    def public_id(self) -> str:
        return self.view.public_id


@dataclass(frozen=True, slots=True)
class OpenView(NamedView):
    """And with what it shows."""

    table: Table


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PastView:
    """A saved view as it stood elsewhere. It has an id of its own here: the record tells of views by their ids, and lines about one that is
    gone are about no other."""

    name: str
    table: Table
    created_at: datetime
    changed_at: datetime
