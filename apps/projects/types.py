from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.projects.models import Project


class NamedRole(StrEnum):
    """What a person may be made in a restricted project; the values are those of access.policy.Role."""

    MEMBER = "member"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class OpenProject:
    """A project with its words unsealed, for as long as a request lasts."""

    project: Project
    entity: str
    name: str
    description: str
