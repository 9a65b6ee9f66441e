"""What a project would show besides runs and their files. Apps above this one keep versions and findings, and tell of them here."""

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
_of_secrets: list[Callable[[Project], int]] = []


def shows(counter: Callable[[Project], Versions]) -> None:
    """Have what `counter` finds in a project counted with what publishing it would show."""
    _counters.append(counter)


def shows_secrets(counter: Callable[[Project], int]) -> None:
    """The same of values that look like secrets and that nobody has decided about."""
    _of_secrets.append(counter)


def versions_shown(project: Project) -> Versions:
    """For callers that hold the project."""
    found = [counter(project) for counter in _counters]
    return Versions(
        sum(each.count for each in found), sum(each.bytes for each in found), sum(each.code for each in found)
    )


def secrets_shown(project: Project) -> int:
    """For callers that hold the project."""
    return sum(counter(project) for counter in _of_secrets)
