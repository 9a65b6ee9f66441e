"""What each entity keeps, in numbers: for operators, who see no content and no names but the owner's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum

from apps.accounts.actors import Actor
from apps.accounts.queries import require_operator
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Chunk, Run, Segment
from apps.teams.models import Entity


@dataclass(frozen=True, slots=True)
class Sizes:
    entity: Entity
    projects: int
    runs: int
    files: int
    stored_bytes: int


def sizes_of_entities(actor: Actor) -> list[Sizes]:
    """Every entity, the largest first, with one question for each kind of thing. Bytes as they are stored."""
    require_operator(actor)
    projects = _each(Project, "entity", Count("pk"))
    runs = _each(Run, "project__entity", Count("pk"))
    files = _each(RunFile, "run__project__entity", Count("pk"))
    stored = [
        _each(Chunk, "run__project__entity", Sum("stored_bytes")),
        _each(Segment, "run__project__entity", Sum("blob__stored_size")),
        _each(RunFile, "run__project__entity", Sum("blob__stored_size")),
    ]
    found = [
        Sizes(
            entity,
            projects=projects.get(entity.pk, 0),
            runs=runs.get(entity.pk, 0),
            files=files.get(entity.pk, 0),
            stored_bytes=sum(each.get(entity.pk, 0) for each in stored),
        )
        for entity in Entity.objects.order_by("name")
    ]
    return sorted(found, key=lambda each: -each.stored_bytes)


def stored_bytes_of(entity: Entity) -> int:
    """What one entity keeps, in bytes as they are stored; for callers that asked its gate."""
    parts = (
        (Chunk, "stored_bytes"),
        (Segment, "blob__stored_size"),
        (RunFile, "blob__stored_size"),
    )
    sums = (
        model._default_manager.filter(run__project__entity=entity).aggregate(n=Sum(column))["n"] or 0
        for model, column in parts
    )
    return sum(sums)


def _each(model: Any, owner: str, number: Any) -> dict[int, int]:
    rows = model.objects.order_by().values(owner).annotate(number=number).values_list(owner, "number")
    return {pk: value or 0 for pk, value in rows}
