"""How long a project's runs are kept: its own choice, or what its entity and the organisation above say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.projects.models import Project
from apps.teams.choices import SettingName, Value, read
from apps.teams.queries import Effective, effective_of

SETTING = SettingName.RUN_RETENTION_DAYS


@dataclass(frozen=True, slots=True)
class Retention:
    """The rule as it holds for one project. Days are counted from the end of a run; None: runs stay."""

    days: int | None
    own: str  # the word that the project has chosen (`30`, `never`), empty where it has chosen nothing
    is_own: bool  # whether that choice is the one that holds
    entity: Effective  # what holds where a project has chosen nothing, and who says so

    def allows(self, value: Value) -> bool:
        """May the project choose this, as far as an organisation is concerned?"""
        return self.entity.allows(value)


def retention_of(projects: Iterable[Project]) -> dict[int, Retention]:
    """The rule of each of these projects, by primary key, with one question at most."""
    projects = list(projects)
    entities = {each.entity_id: each.entity for each in projects}
    held = effective_of(entities.values(), [SETTING])
    return {each.pk: held_by(each, held[each.entity_id][SETTING]) for each in projects}


def held_by(project: Project, entity: Effective) -> Retention:
    """The rule of a project whose entity has this."""
    word = project.run_retention
    if word and entity.allows(own := read(SETTING, word)):
        return Retention(own if isinstance(own, int) else None, word, is_own=True, entity=entity)
    return Retention(entity.days, word, is_own=False, entity=entity)
