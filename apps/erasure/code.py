"""Saved code of a person or a team, erased together once saving it is switched off."""

from __future__ import annotations

from apps.accounts.actors import Actor
from apps.erasure.queries import MOST_AT_ONCE
from apps.erasure.services import erase_files
from apps.files.code import code_files_of
from apps.teams.models import Entity


def erase_code(entity: Entity, *, by: Actor) -> int:
    """Erase all code of an entity that was fetched with ENTITY_ADMIN; how many files that is. Nothing is found again at once."""
    files = list(code_files_of(entity).order_by("pk"))
    for start in range(0, len(files), MOST_AT_ONCE):
        erase_files(files[start : start + MOST_AT_ONCE], by=by)
    return len(files)
