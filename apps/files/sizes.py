"""What each entity keeps, in numbers: for operators, who see no content and no names but the owner's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from apps.accounts.actors import Actor
from apps.accounts.queries import require_operator
from apps.projects.models import Project
from apps.projects.stored import bytes_of_everybody, files_of_everybody
from apps.runs.models import Run
from apps.teams.models import Entity


@dataclass(frozen=True, slots=True)
class Sizes:
    entity: Entity
    projects: int
    runs: int
    files: int  # saved by name, and those of artifacts
    stored_bytes: int


def sizes_of_entities(actor: Actor) -> list[Sizes]:
    """Every entity, the largest first, with one question for each kind of thing. Bytes as they are stored."""
    require_operator(actor)
    projects, runs = _counted(Project, "entity"), _counted(Run, "project__entity")
    files, stored = files_of_everybody(), bytes_of_everybody()
    found = [
        Sizes(entity, projects[entity.pk], runs[entity.pk], files[entity.pk], stored[entity.pk])
        for entity in Entity.objects.order_by("name")
    ]
    return sorted(found, key=lambda each: -each.stored_bytes)


def _counted(model: Any, owner: str) -> Counter[int]:
    rows = model.objects.order_by().values(owner).annotate(number=Count("pk"))
    return Counter(dict(rows.values_list(owner, "number")))
