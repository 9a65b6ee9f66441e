"""Who may do what: this table is the whole truth, and `allows` the only question.

A permission names a thing and a verb. A role is what somebody is *in the entity that owns the thing*; in a project
of that entity it is what `standing` makes of it. Visibility adds rights for people who are nothing there, and the
scope of an API key takes rights away.
"""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    ENTITY_ADMIN = "entity:admin"  # settings, members, keys of service accounts
    ENTITY_AUDIT = "entity:audit"  # who saw what
    ENTITY_READ = "entity:read"

    FILE_ERASE = "file:erase"
    FILE_READ = "file:read"
    FILE_WRITE = "file:write"

    PROJECT_ADMIN = "project:admin"
    PROJECT_CREATE = "project:create"
    PROJECT_ERASE = "project:erase"
    PROJECT_EXPORT = (
        "project:export"  # take all of it along as one archive: for its own people, who read all of it
    )
    PROJECT_READ = "project:read"
    PROJECT_SHARE = "project:share"  # visibility, named people, share links
    PROJECT_WRITE = "project:write"

    RUN_CREATE = "run:create"
    RUN_ERASE = "run:erase"  # for good, with everything below it
    RUN_READ = "run:read"
    RUN_WRITE = "run:write"


class Role(StrEnum):
    """What somebody is in an entity or in a project, from most to least."""

    ADMIN = "admin"  # also everybody in their own personal entity
    MEMBER = "member"
    VIEWER = "viewer"
    GUEST = "guest"  # nothing here but the holder of a link to this one project
    STRANGER = "stranger"  # signed in, but nothing here
    NOBODY = "nobody"  # not signed in


class Visibility(StrEnum):
    PRIVATE = "private"  # the entity's own people
    RESTRICTED = "restricted"  # the entity's admins and people named one by one, of the entity or not
    PUBLIC = "public"  # anybody reads
    OPEN = "open"  # anybody reads, anybody signed in may add runs


class Scope(StrEnum):
    """How much of its owner's rights an API key carries. A browser's session carries all of them."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


_PUBLIC_READING = frozenset({Permission.FILE_READ, Permission.PROJECT_READ, Permission.RUN_READ})
_READING = _PUBLIC_READING | {Permission.ENTITY_READ, Permission.PROJECT_EXPORT}
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
    Role.VIEWER: frozenset(_READING),
    Role.GUEST: _PUBLIC_READING,
    Role.STRANGER: frozenset(),
    Role.NOBODY: frozenset(),
}

OUTSIDERS: dict[Visibility, dict[Role, frozenset[Permission]]] = {
    Visibility.PRIVATE: {},
    Visibility.RESTRICTED: {},
    Visibility.PUBLIC: {Role.STRANGER: _PUBLIC_READING, Role.NOBODY: _PUBLIC_READING},
    Visibility.OPEN: {Role.STRANGER: _PUBLIC_READING | {Permission.RUN_CREATE}, Role.NOBODY: _PUBLIC_READING},
}

SCOPES: dict[Scope, frozenset[Permission]] = {
    Scope.READ: frozenset(_READING),
    Scope.WRITE: frozenset(_WRITING),
    Scope.ADMIN: frozenset(Permission),
}

# A registry holds links alone: nothing runs there.
NOT_IN_REGISTRIES = frozenset(
    {Permission.PROJECT_CREATE, Permission.RUN_CREATE, Permission.RUN_ERASE, Permission.RUN_WRITE}
)

# Whoever may add runs to a project may do this to the runs they added. To erase takes a key that carries everything: one
# that was given to a cluster for writing destroys nothing for good, but what it may write anew as well: descriptions and saved views.
TO_OWN_RUNS = frozenset(
    {Permission.FILE_ERASE, Permission.FILE_WRITE, Permission.RUN_ERASE, Permission.RUN_WRITE}
)


def standing(
    role: Role, *, visibility: Visibility, named: Role | None = None, holds_link: bool = False
) -> Role:
    """What somebody with `role` in an entity is in one of its projects.

    `named` is what they were made in this project by name, which counts while it is restricted; `holds_link`, whether
    they came by a share link that is good. In a restricted project members who are not named are as strangers: to
    them it is not there. A link makes nobody less: it counts where one would see nothing without it.
    """
    if visibility is Visibility.RESTRICTED and role not in {Role.ADMIN, Role.NOBODY}:
        role = named or Role.STRANGER
    if holds_link and not _granted(role, visibility):
        return Role.GUEST
    return role


_FROM_MOST = tuple(Role)


def standing_in_registry(role: Role, *, visibility: Visibility, named: Role | None = None) -> Role:
    """What somebody with `role` in an organisation is in one of its registries.

    Its people may look unless the registry is restricted; `named` is what they, or a team of theirs, were made in it.
    """
    if visibility is Visibility.RESTRICTED and role is not Role.ADMIN:
        role = Role.NOBODY if role is Role.NOBODY else Role.STRANGER
    return min(role, named or role, key=_FROM_MOST.index)


def allows(
    permission: Permission,
    *,
    role: Role,
    visibility: Visibility | None = None,
    scope: Scope = Scope.ADMIN,
    is_own: bool = False,
    in_registry: bool = False,
) -> bool:
    """May somebody with `role` do this by a key of this scope?

    With a project's `visibility`, `role` is their standing in that project; without, their role in the entity.
    `is_own`: it is a run that they added, or a file of one.
    """
    if permission not in SCOPES[scope] or (in_registry and permission in NOT_IN_REGISTRIES):
        return False
    granted = _granted(role, visibility)
    return permission in granted or (
        is_own and permission in TO_OWN_RUNS and Permission.RUN_CREATE in granted
    )


def _granted(role: Role, visibility: Visibility | None) -> frozenset[Permission]:
    if visibility is None:
        return GRANTS[role]
    # Nobody has less of a project because they are something in its entity.
    outside = Role.NOBODY if role is Role.NOBODY else Role.STRANGER
    return GRANTS[role] | OUTSIDERS[visibility].get(outside, frozenset())
