"""What the export of an account says beside the fields of rows: how what is sealed in a row opens, and what no row holds.

Apps above this one say it when they start; they are named by their paths, so that nothing is imported before all models are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class Opener:
    """How rows of one model open: some of one person at once, an answer for each. KeyGone or Tampered where one does not."""

    read: Callable[[Sequence[Any]], list[dict[str, Any]]]
    links: tuple[str, ...]  # foreign keys that it follows


_openers: dict[type[Model], tuple[str, tuple[str, ...]]] = {}
_beside: dict[str, str] = {}


def opens(model: type[Model], path: str, *links: str) -> None:
    """`path` names a function from rows to what the sealed fields of each say, or to what is known of it besides; `links` are the
    foreign keys that it follows."""
    _openers[model] = path, links


def tells_beside(file: str, path: str) -> None:
    """`path` names a function from a person to something that JSON can hold, which is `account/<file>.json`."""
    _beside[file] = path


def opener_of(model: type[Model]) -> Opener | None:
    if model not in _openers:
        return None
    path, links = _openers[model]
    return Opener(import_string(path), links)


def beside() -> dict[str, Callable[[Any], Any]]:
    return {file: import_string(path) for file, path in _beside.items()}
