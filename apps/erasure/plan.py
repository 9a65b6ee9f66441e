"""What goes with a run, a project, a file or an artifact: worked out from what each app declares (`goes_with` in its privacy.py).

A model that lies below a run or a project and does not say so fails a house test: nothing is forgotten in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db.models import CASCADE, Model, QuerySet

from apps.accounts.models import User
from apps.artifacts.models import Collection, Version
from apps.blobs.models import Blob
from apps.core.privacy import declared
from apps.erasure.models import ErasureJob, PartErasure, Remainder, WayBack
from apps.erasure.types import Scope
from apps.exports.models import Export
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity, Organisation

# What a job of each scope marks with its id.
HEADS: dict[Scope, type[Model]] = {
    Scope.FILES: RunFile,
    Scope.RUNS: Run,
    Scope.PROJECT: Project,
    Scope.TEAM: Entity,
    Scope.ACCOUNT: Entity,
    Scope.ORGANISATION: Entity,
    Scope.VERSIONS: Version,
    Scope.ARTIFACT: Collection,
    Scope.PART: PartErasure,
    Scope.EXPORTS: Export,
}
# Whose row ends with the entity, and how that one is reached: what is theirs in others' places goes too.
_OWNERS: dict[Scope, tuple[type[Model], str]] = {
    Scope.ACCOUNT: (User, "entity"),
    Scope.ORGANISATION: (Organisation, "entity"),
}
# What it marks besides: a part of a run may be a file.
BESIDE: dict[Scope, type[Model]] = {Scope.PART: RunFile}


@dataclass(frozen=True, slots=True)
class Part:
    """One model's rows that a job erases. `lookup` leads from them to what bears the job's id; empty: they do."""

    model: type[Model]
    lookup: str

    def rows_of(self, job: ErasureJob) -> QuerySet[Model]:
        field = f"{self.lookup}__erasure_job" if self.lookup else "erasure_job"
        return self.model._base_manager.filter(**{field: job.uuid})

    @property
    def blob_fields(self) -> list[str]:
        return [field.name for field in self.model._meta.fields if field.related_model is Blob]

    @property
    def has_key(self) -> bool:
        return any(field.name == "vault_node" for field in self.model._meta.fields)


# What tells of the erasure itself outlives what it erased.
_STAYS = frozenset({ErasureJob, Remainder, WayBack})


@cache
def parts_of(scope: Scope) -> tuple[Part, ...]:
    """Every model below what such a job was asked for, and that itself; what lies deepest first."""
    beside = parts_below(BESIDE[scope]) if scope in BESIDE else ()
    return (*_of_owner(scope), *parts_below(HEADS[scope]), *beside)


def _of_owner(scope: Scope) -> Iterator[Part]:
    """What goes with a person or an organisation rather than with their entity: what says so, and whatever would go by cascade."""
    if scope not in _OWNERS:
        return
    owner, way = _OWNERS[scope]
    below = [part for part in parts_below(owner) if part.model is not owner]
    known = {(part.model, part.lookup) for part in below}
    for part in below:
        yield Part(part.model, f"{part.lookup}__{way}")
    for model in declared():
        for field in model._meta.fields:
            relation: Any = field.remote_field
            ends = field.related_model is owner and relation.on_delete is CASCADE
            if ends and model not in _STAYS and (model, field.name) not in known:
                yield Part(model, f"{field.name}__{way}")


def parts_below(head: type[Model]) -> tuple[Part, ...]:
    """The same below one model, which goes last. An entity's own row becomes a stone (`stones`)."""
    below = (model for model in declared() if model not in _STAYS)
    paths = {model: path for model in below if (path := _path(model, head)) is not None}
    deepest_first = sorted(paths.items(), key=lambda item: (-len(item[1]), item[0]._meta.label))
    parts = tuple(Part(model, _lookup(model, path, head)) for model, path in deepest_first)
    return parts if head is Entity else (*parts, Part(head, ""))


@cache
def all_parts_of(scope: Scope) -> tuple[Part, ...]:
    """The same with exports that hold any of it: they bear the job's id, wherever they lie."""
    below = parts_of(scope)
    return below if scope is Scope.EXPORTS else (*parts_of(Scope.EXPORTS), *below)


def _path(model: type[Model], head: type[Model]) -> list[str] | None:
    """The fields that lead from a model to `head`, each to what it goes with; None when they lead elsewhere."""
    path: list[str] = []
    for field, target in _ends_with(model):
        path.append(field)
        if target is head:
            return path
    return None


def _ends_with(model: type[Model]) -> Iterator[tuple[str, type[Model]]]:
    registry, seen = declared(), {model}
    while (found := registry.get(model)) is not None and found.goes_with is not None:
        target: Any = model._meta.get_field(found.goes_with).related_model
        yield found.goes_with, target
        if target in seen:
            return
        seen.add(target)
        model = target


def _lookup(model: type[Model], path: list[str], head: type[Model]) -> str:
    """How the rows are asked for. What may be of an entity alone, as a webhook of a whole team is, is asked for by the entity."""
    for done, name in enumerate(path):
        fields = {field.name: field for field in model._meta.fields}
        if head is Entity and fields[name].null and "entity" in fields:
            return "__".join([*path[:done], "entity"])
        target: Any = fields[name].related_model
        model = target
    return "__".join(path)
