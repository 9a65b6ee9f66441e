from __future__ import annotations

from enum import StrEnum


class EntityKind(StrEnum):
    PERSONAL = "personal"
    TEAM = "team"
    ORGANISATION = "org"  # holds an organisation's registries, and nobody is anything in it by itself


class MemberRole(StrEnum):
    """The roles a team gives; the values are those of access.policy.Role."""

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class Chooser(StrEnum):
    """Who a setting is chosen by: a person or a team for their own projects, an organisation for its teams."""

    PERSON = "person"
    TEAM = "team"
    ORGANISATION = "organisation"


class SystemMetadata(StrEnum):
    """How much of the machine is kept with a run, from most to least."""

    ALL = "all"
    MINIMAL = "minimal"
    NONE = "none"


class OrganisationRole(StrEnum):
    """What a person is in an organisation; that opens none of its teams."""

    ADMIN = "admin"
    MEMBER = "member"


class Source(StrEnum):
    """Where the value of a setting comes from."""

    DEFAULT = "default"
    OWN = "own"
    ORGANISATION = "organisation"
