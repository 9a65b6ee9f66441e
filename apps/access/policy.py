"""Who may do what: this table is the whole truth, and `allows` the only question.

A permission names a thing and a verb. A role is what a person is *in the entity that owns the thing*.
Visibility adds rights for people who are nothing there.
"""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    ENTITY_ADMIN = "entity:admin"
    ENTITY_READ = "entity:read"

    FILE_READ = "file:read"
    FILE_WRITE = "file:write"

    PROJECT_ADMIN = "project:admin"
    PROJECT_CREATE = "project:create"
    PROJECT_READ = "project:read"
    PROJECT_WRITE = "project:write"

    RUN_CREATE = "run:create"
    RUN_READ = "run:read"
    RUN_WRITE = "run:write"


class Role(StrEnum):
    """What somebody is in an entity, from most to least."""

    ADMIN = "admin"  # also everybody in their own personal entity
    MEMBER = "member"
    VIEWER = "viewer"
    STRANGER = "stranger"  # signed in, but nothing in this entity
    NOBODY = "nobody"  # not signed in


class Visibility(StrEnum):
    PRIVATE = "private"  # the entity's own people
    RESTRICTED = "restricted"  # members named one by one
    PUBLIC = "public"  # anybody reads
    OPEN = "open"  # anybody reads, anybody signed in may add runs


_READING = frozenset(
    {Permission.ENTITY_READ, Permission.FILE_READ, Permission.PROJECT_READ, Permission.RUN_READ},
)
_WRITING = _READING | {
    Permission.FILE_WRITE,
    Permission.PROJECT_CREATE,
    Permission.PROJECT_WRITE,
    Permission.RUN_CREATE,
    Permission.RUN_WRITE,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.MEMBER: frozenset(_WRITING),
    Role.VIEWER: _READING,
    Role.STRANGER: frozenset(),
    Role.NOBODY: frozenset(),
}

_PUBLIC_READING = frozenset({Permission.FILE_READ, Permission.PROJECT_READ, Permission.RUN_READ})

OUTSIDERS: dict[Visibility, dict[Role, frozenset[Permission]]] = {
    Visibility.PRIVATE: {},
    Visibility.RESTRICTED: {},
    Visibility.PUBLIC: {Role.STRANGER: _PUBLIC_READING, Role.NOBODY: _PUBLIC_READING},
    Visibility.OPEN: {Role.STRANGER: _PUBLIC_READING | {Permission.RUN_CREATE}, Role.NOBODY: _PUBLIC_READING},
}

# Whoever may add runs to a project may do this to the runs they added.
TO_OWN_RUNS = frozenset({Permission.FILE_WRITE, Permission.RUN_WRITE})

# Members of the entity who are not named in a restricted project: as if it were not there.
_RESTRICTED_KEEPS = frozenset({Role.ADMIN})


def allows(permission: Permission, *, role: Role, visibility: Visibility | None = None) -> bool:
    """May somebody with `role` do this? `visibility` is the project's, or None where no project is involved."""
    if visibility is Visibility.RESTRICTED and role not in _RESTRICTED_KEEPS:
        return False
    if permission in GRANTS[role]:
        return True
    if visibility is None:
        return False
    # Nobody has less of a project because they are something in its entity.
    outside = Role.NOBODY if role is Role.NOBODY else Role.STRANGER
    return permission in OUTSIDERS[visibility].get(outside, frozenset())
