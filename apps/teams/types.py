from __future__ import annotations

from enum import StrEnum


class EntityKind(StrEnum):
    PERSONAL = "personal"
    TEAM = "team"


class MemberRole(StrEnum):
    """The roles a team gives; the values are those of access.policy.Role."""

    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"
