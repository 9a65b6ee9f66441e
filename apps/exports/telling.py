"""What the export of an account says beside the fields of rows: how what is sealed in a row opens, and what no row holds.

Apps above this one say it when they start; they are named by their paths, so that nothing is imported before all models are there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.utils.module_loading import import_string

_openers: dict[type[Model], str] = {}
_beside: dict[str, str] = {}


def opens(model: type[Model], path: str) -> None:
    """`path` names a function from a row to what its sealed fields say, or to what is known of it besides."""
    _openers[model] = path


def tells_beside(file: str, path: str) -> None:
    """`path` names a function from a person to something that JSON can hold, which is `account/<file>.json`."""
    _beside[file] = path


def opener_of(model: type[Model]) -> Callable[[Any], dict[str, Any]] | None:
    path = _openers.get(model)
    return None if path is None else import_string(path)


def beside() -> dict[str, Callable[[Any], Any]]:
    return {file: import_string(path) for file, path in _beside.items()}
