"""What an erasure that waits is about, by name: of several one wants to know which to take back.

Nothing of it is kept with the job. It is opened from what waits, for whoever could read it before, as long as it can be taken back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import Collection, Version
from apps.artifacts.queries.versions import open_collections
from apps.erasure.grace import can_be_taken_back
from apps.erasure.models import ErasureJob
from apps.erasure.types import WITH_NAMES, Called, Scope
from apps.files.models import RunFile
from apps.files.queries import names_of_files
from apps.projects.gate import where_may
from apps.projects.models import Project
from apps.projects.queries import open_projects
from apps.runs.models import Run
from apps.runs.queries import heads_of
from apps.vault.damage import leaving_out_damaged

MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class _Kind:
    """How what a job of one scope marks is found, what it takes to read it, where it lies, and what each row of it is called."""

    rows: QuerySet[Any]
    permission: Permission
    place_of: Callable[[Any], Project]
    called: Callable[[Sequence[Any]], Iterator[tuple[int, Called]]]


def names_of(
    actor: Actor, jobs: Iterable[ErasureJob], *, most: int = MOST_NAMES
) -> dict[int, tuple[Called, ...]]:
    """By the job's row what is called how, of each so many at most. Of many jobs it asks as often as of one; what is damaged, or was
    erased with what it lay in, has no name."""
    found: dict[int, tuple[Called, ...]] = {}
    waiting: defaultdict[Scope, dict[UUID, int]] = defaultdict(dict)
    for job in jobs:
        if not can_be_taken_back(job):
            continue
        if job.scope in WITH_NAMES:  # whoever sees the job sees of whom it is
            found[job.pk] = (Called(job.entity.name),)
        elif Scope(job.scope) in _KINDS:
            waiting[Scope(job.scope)][job.uuid] = job.pk
    with leaving_out_damaged():
        for scope, those in waiting.items():
            found |= _named(actor, _KINDS[scope], those, most)
    return found


def _named(actor: Actor, kind: _Kind, jobs: Mapping[UUID, int], most: int) -> dict[int, tuple[Called, ...]]:
    rows = _readable(actor, kind, _first_of_each(kind.rows, jobs, most))
    called, found = dict(kind.called(rows)), defaultdict[int, list[Called]](list)
    for row in rows:
        if row.pk in called:
            found[jobs[row.erasure_job]].append(called[row.pk])
    return {job: tuple(names) for job, names in found.items()}


def _first_of_each(rows: QuerySet[Any], jobs: Iterable[UUID], most: int) -> list[Any]:
    """Of each job the first rows: it may be about some hundred."""
    place = Window(RowNumber(), partition_by=F("erasure_job"), order_by="pk")
    marked = rows.model.everything.filter(erasure_job__in=list(jobs))
    first = marked.annotate(place=place).filter(place__lte=most).values_list("pk", flat=True)
    return list(rows.filter(pk__in=list(first)).order_by("pk"))


def _readable(actor: Actor, kind: _Kind, rows: Sequence[Any]) -> list[Any]:
    """Those of these that the actor could read if nothing were being erased."""
    projects: dict[int, Project] = {}
    for row in rows:
        project = projects[kind.place_of(row).pk] = kind.place_of(row)
        project.erased_at = project.entity.erased_at = None  # of this copy
    seen = where_may(actor, kind.permission, projects.values())
    return [row for row in rows if kind.place_of(row).pk in seen]


# ── what each kind is called ──


def _projects(rows: Sequence[Project]) -> Iterator[tuple[int, Called]]:
    for pk, name in _names_of_projects(rows).items():
        yield pk, Called(name)


def _runs(rows: Sequence[Run]) -> Iterator[tuple[int, Called]]:
    heads, places = heads_of(rows), _names_of_projects(row.project for row in rows)
    for row in rows:
        if head := heads.get(row.pk):
            name = head.display_name or head.name
            yield row.pk, Called(name, run=head.name, project=places.get(row.project_id, ""))


def _files(rows: Sequence[RunFile]) -> Iterator[tuple[int, Called]]:
    runs = {row.run_id: row.run for row in rows}
    heads, places = heads_of(runs.values()), _names_of_projects(run.project for run in runs.values())
    names = names_of_files(rows)
    for row in (each for each in rows if each.pk in names):
        head, place = heads.get(row.run_id), places.get(row.run.project_id, "")
        yield row.pk, Called(names[row.pk], run=head.name if head else "", project=place)


def _artifacts(rows: Sequence[Collection]) -> Iterator[tuple[int, Called]]:
    places = _names_of_projects(row.project for row in rows)
    for each in open_collections(rows):
        row = each.collection
        yield row.pk, Called(each.name, project=places.get(row.project_id, ""))


def _versions(rows: Sequence[Version]) -> Iterator[tuple[int, Called]]:
    artifacts = dict(_artifacts(list({row.collection_id: row.collection for row in rows}.values())))
    for row in rows:
        if (of := artifacts.get(row.collection_id)) is not None:
            name = of.name if row.number is None else f"{of.name}:v{row.number}"
            yield row.pk, Called(name, project=of.project)


def _names_of_projects(projects: Iterable[Project]) -> dict[int, str]:
    each = {project.pk: project for project in projects}
    return {opened.project.pk: opened.name for opened in open_projects(each.values())}


_LARGE = ("sealed_config", "sealed_summary", "sealed_keys")
# Parts of a run and exports do not wait; teams, accounts and organisations are called as their entity.
_KINDS: dict[Scope, _Kind] = {
    Scope.PROJECT: _Kind(
        Project.everything.select_related("entity"), Permission.PROJECT_READ, lambda row: row, _projects
    ),
    Scope.RUNS: _Kind(
        Run.everything.select_related("project__entity").defer(*_LARGE),
        Permission.RUN_READ,
        lambda row: row.project,
        _runs,
    ),
    Scope.FILES: _Kind(
        RunFile.everything.select_related("run__project__entity").defer(*(f"run__{each}" for each in _LARGE)),
        Permission.FILE_READ,
        lambda row: row.run.project,
        _files,
    ),
    Scope.ARTIFACT: _Kind(
        Collection.everything.select_related("project__entity"),
        Permission.FILE_READ,
        lambda row: row.project,
        _artifacts,
    ),
    Scope.VERSIONS: _Kind(
        Version.everything.select_related("collection__project__entity").defer("sealed_words"),
        Permission.FILE_READ,
        lambda row: row.collection.project,
        _versions,
    ),
}
