"""Keeping the look of a custom chart that somebody wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.artifacts.looks import FILE, TYPE
from apps.artifacts.services.by_hand import make_version
from apps.artifacts.types import LATEST, NewVersion

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.artifacts.looks import NewLook
    from apps.artifacts.models import Version
    from apps.projects.models import Project


def keep_look(project: Project, look: NewLook, *, by: Actor) -> Version:
    """The next version of the look of this name; the latest one when that says the same. Charts are drawn by the newest."""
    new = NewVersion(TYPE, look.name, digest="", description=look.description or None, aliases=(LATEST,))
    return make_version(project, new, [(FILE, [look.content])], by=by)
