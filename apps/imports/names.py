from __future__ import annotations

from itertools import count

from apps.projects.names import MOST_LETTERS
from apps.projects.services import is_name_free
from apps.teams.models import Entity


def free_name(entity: Entity, name: str) -> str:
    """The name with the first number behind it under which the entity has no project."""
    for number in count(2):
        ending = f"-{number}"
        found = name.strip()[: MOST_LETTERS - len(ending)].rstrip() + ending
        if is_name_free(entity, found):
            return found
    raise AssertionError  # numbers do not end
