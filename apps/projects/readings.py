"""Who looks at a project without being of its entity is noted, for its owner to see."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from apps.access.policy import Permission, Role
from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.repeats import Subject, count
from apps.projects.models import Project

READING = frozenset(
    {Permission.FILE_READ, Permission.PROJECT_EXPORT, Permission.PROJECT_READ, Permission.RUN_READ}
)
_OUTSIDE = frozenset({Role.GUEST, Role.NOBODY, Role.STRANGER})
# A page asks many times for its parts: what is read within a minute is one look.
_GRAIN = timedelta(minutes=1)


def note_readings(actor: Actor, read: Iterable[tuple[Project, Role, Role]]) -> None:
    """Note who read these: each with what the actor is in its entity and in itself.

    The entity's own people cost nothing here. An outsider's look that cannot be noted is refused by the error.
    """
    by_right: dict[str, list[Project]] = {}
    for project, in_entity, standing in read:
        if in_entity in _OUTSIDE:
            by_right.setdefault(_right(standing), []).append(project)
    for right, projects in by_right.items():
        count(EventKind.PROJECT_READ, _subjects(projects), by=actor, via=right, grain=_GRAIN)


def note_reading_by_registry(actor: Actor, *projects: Project) -> None:
    """Somebody of elsewhere reads, in a registry, what was linked there from these projects."""
    count(EventKind.PROJECT_READ, _subjects(projects), by=actor, via="registry", grain=_GRAIN)


def _right(standing: Role) -> str:
    """By which right somebody of elsewhere reads: everybody's, a link's, or that of who was named."""
    if standing is Role.GUEST:
        return "link"
    return "public" if standing in _OUTSIDE else "named"


def _subjects(projects: Collection[Project]) -> list[Subject]:
    return [
        Subject(project.public_id, entity=project.entity.public_id, project=project.public_id)
        for project in projects
    ]
