"""What a project would show besides runs and their files. An app above this one keeps versions, and tells of them here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.projects.models import Project


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions that are whole, how large they are, and how many of them are code that the client gathers by itself."""

    count: int = 0
    bytes: int = 0
    code: int = 0


_counters: list[Callable[[Project], Versions]] = []


def shows(counter: Callable[[Project], Versions]) -> None:
    """Have what `counter` finds in a project counted with what publishing it would show."""
    _counters.append(counter)


def versions_shown(project: Project) -> Versions:
    """For callers that hold the project."""
    found = [counter(project) for counter in _counters]
    return Versions(
        sum(each.count for each in found), sum(each.bytes for each in found), sum(each.code for each in found)
    )
