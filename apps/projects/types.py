from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.projects.models import Project


@dataclass(frozen=True, slots=True)
class OpenProject:
    """A project with its words unsealed, for as long as a request lasts."""

    project: Project
    entity: str
    name: str
    description: str
