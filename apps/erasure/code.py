"""Saved code of a person or a team, counted, and erased together once saving it is switched off."""

from __future__ import annotations

from collections.abc import Sequence

from apps.accounts.actors import Actor
from apps.artifacts.models import Collection
from apps.artifacts.queries.code import code_collections_in, code_collections_of, committed_in
from apps.artifacts.types import RunRole
from apps.erasure.artifacts import erase_artifact
from apps.erasure.queries import MOST_AT_ONCE
from apps.erasure.services import erase_files
from apps.files.code import CodeSum, code_files_of, sum_of_code
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity


def saved_code_of(entity: Entity) -> CodeSum:
    """How much code of an entity is stored: files of runs, and the folders that `run.log_code()` sent."""
    of_runs, versions = sum_of_code(entity), committed_in(code_collections_of(entity))
    if not versions:
        return of_runs
    makers = Run.objects.filter(
        run_versions__version__in=[each.pk for each in versions], run_versions__role=RunRole.OUTPUT.value
    )
    runs = {*makers.values_list("pk", flat=True), *code_files_of(entity).values_list("run", flat=True)}
    return CodeSum(
        files=of_runs.files + sum(each.file_count for each in versions),
        runs=len(runs),
        size=of_runs.size + sum(each.size for each in versions),
    )


def erase_code(entity: Entity, *, by: Actor) -> int:
    """Erase all code of an entity that was fetched with ENTITY_ADMIN; how many files that is. Nothing is found again at once.

    May be asked again where it broke off.
    """
    return _erase(list(code_files_of(entity).order_by("pk")), code_collections_of(entity), by=by)


def erase_code_in(projects: Sequence[Project], *, by: Actor) -> int:
    """The same of some projects of one entity, which were not to be found while the entity's was erased."""
    count = 0
    for entity in {each.entity for each in projects}:
        files = code_files_of(entity).filter(run__project__in=[each.pk for each in projects])
        count += _erase(list(files.order_by("pk")), code_collections_in(projects), by=by)
    return count


def _erase(files: Sequence[RunFile], collections: Sequence[Collection], *, by: Actor) -> int:
    for start in range(0, len(files), MOST_AT_ONCE):
        erase_files(files[start : start + MOST_AT_ONCE], by=by)
    count = sum(each.file_count for each in committed_in(collections))
    for collection in collections:
        erase_artifact(collection, by=by)
    return len(files) + count
