from __future__ import annotations

from enum import StrEnum


class Plan(StrEnum):
    """The plans with which teams can be made. Without one a person is on the free plan, which has no row."""

    TEAM = "team"
    ACADEMIC = "academic"
    OPEN_SOURCE = "open_source"
