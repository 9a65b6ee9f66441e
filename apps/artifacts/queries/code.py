"""Artifacts that are code: what `run.log_code()` sends and what the client makes beside it, where code saving is on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain

from django.db.models import Count, QuerySet, Sum

from apps.artifacts.models import Collection, RunVersion, Version
from apps.artifacts.queries.versions import (
    TYPE_LABEL,
    committed,
    open_collections,
    open_versions,
    project_key,
)
from apps.artifacts.types import CollectionKind, OpenVersion, RunRole, VersionState
from apps.code_saving.policy import CODE_TYPE, JOB_TYPE, is_source_artifact
from apps.projects.models import Project
from apps.projects.showing import Versions
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.vault.damage import leaving_out_damaged
from apps.vault.seal import blind_index
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

_MOST_MAKERS = 20
_MOST_FOLDERS = 20
_PROJECTS_AT_ONCE = 500
_VERSIONS_AT_ONCE = 500


def source_versions_of(run: Run) -> list[OpenVersion]:
    """The folders of code that a run sent, for who holds it with FILE_READ: of each name the last, by name.

    One question where there are none. Only of the run's own project: there who may read the one may read the other. A run
    may have sent any number of versions: none but the last of the first names are read with their words.
    """
    rows = committed().filter(
        run_versions__run=run,
        run_versions__role=RunRole.OUTPUT.value,
        collection__project=run.project_id,
        collection__type_index__in=_indexes(run.project, [CODE_TYPE]),
    )
    last = dict(rows.order_by("number").values_list("collection", "pk"))
    if not last:
        return []
    chosen = [last[collection] for collection in sorted(last)[:_MOST_FOLDERS]]
    opened = open_versions(committed().filter(pk__in=chosen).order_by("pk"))
    found = [each for each in opened if is_source_artifact(*called(each))]
    return sorted(found, key=lambda each: each.collection.name)


def made_versions(run: Run) -> list[tuple[Version, bool]]:
    """Every committed version that a run made in its project, and whether it is of type `code`: for the worker, oldest first.

    Not opened: that costs, and most are known already.
    """
    (code,) = _indexes(run.project, [CODE_TYPE])
    rows = committed().filter(
        run_versions__run=run, run_versions__role=RunRole.OUTPUT.value, collection__project=run.project_id
    )
    return [
        (row, bytes(row.collection.type_index) == code) for row in rows.defer("sealed_words").order_by("pk")
    ]


def runs_with_new_versions(since: datetime) -> QuerySet[RunVersion]:
    """Which runs made what versions, of those committed since then, for the worker."""
    return RunVersion.objects.filter(
        role=RunRole.OUTPUT.value,
        version__state=VersionState.COMMITTED.value,
        version__committed_at__gt=since,
        run__erased_at=None,
    )


def versions_by_id(run: Run, public_ids: Iterable[str]) -> dict[str, OpenVersion]:
    """Of a run's project those of these versions that are there, for who holds the run with FILE_READ."""
    rows = committed().filter(collection__project=run.project_id, public_id__in=list(public_ids))
    return {each.version.public_id: each for each in open_versions(rows)}


def those_there(public_ids: Iterable[str]) -> set[str]:
    """Which of these versions nobody has erased."""
    asked, there = list(public_ids), set[str]()
    for start in range(0, len(asked), _VERSIONS_AT_ONCE):
        rows = committed().filter(public_id__in=asked[start : start + _VERSIONS_AT_ONCE])
        there |= set(rows.values_list("public_id", flat=True))
    return there


def makers_in_project(version: Version) -> list[Run]:
    """The first runs of a version's own project that made it, for who then asks the gate of each."""
    rows = Run.objects.filter(
        run_versions__version=version,
        run_versions__role=RunRole.OUTPUT.value,
        project=version.collection.project_id,
    )
    return list(rows.select_related("project__entity").distinct().order_by("pk")[:_MOST_MAKERS])


def code_collections_of(entity: Entity) -> list[Collection]:
    """All artifacts of code of an entity, for who asked its gate."""
    rows = Project.objects.filter(entity=entity, erased_at=None, collections__kind=CollectionKind.SEQUENCE)
    projects = list(rows.distinct())
    starts = range(0, len(projects), _PROJECTS_AT_ONCE)
    return [each for start in starts for each in _code_in(projects[start : start + _PROJECTS_AT_ONCE])]


def code_collections_in(projects: Sequence[Project]) -> list[Collection]:
    """The same of these projects."""
    return _code_in(projects) if projects else []


def _code_in(projects: Sequence[Project]) -> list[Collection]:
    """In as many questions of several projects as of one.

    Jobs are told by their type alone, also damaged ones. Of the others a damaged one does not tell the name by which it
    would be code: it is left out, and keeps no other from being found.
    """
    open_keys(NodeId(each.vault_node) for each in projects)  # together; each is at hand then
    types = {each.pk: _indexes(each, [CODE_TYPE, JOB_TYPE]) for each in projects}
    # A type's index is of its project's key: none means anything in another project.
    anywhere = Collection.objects.filter(
        project__in=types, type_index__in=chain.from_iterable(types.values())
    )
    rows = [(row, types[row.project_id].index(bytes(row.type_index))) for row in anywhere.order_by("pk")]
    code = [row for row, place in rows if place == 0]
    with leaving_out_damaged():
        open_keys(NodeId(row.vault_node) for row in code)
        opened = [
            found
            for project in projects
            for found in open_collections((row for row in code if row.project_id == project.pk), project)
        ]
    return [
        *(row for row, place in rows if place == 1),
        *(each.collection for each in opened if is_source_artifact(each.type_name, each.name)),
    ]


def versions_shown_by(project: Project) -> Versions:
    """What of a project that is held already others would read in its artifacts, were it published."""
    rows = committed().filter(collection__project=project).order_by()
    found = rows.aggregate(n=Count("pk"), bytes=Sum("size", default=0))
    code = [each.pk for each in _code_in([project])]
    of_code = rows.filter(collection__in=code).count() if code else 0
    return Versions(found["n"], found["bytes"], of_code)


def committed_in(collections: Iterable[Collection]) -> list[Version]:
    return list(committed().filter(collection__in=[each.pk for each in collections]).defer("sealed_words"))


def _indexes(project: Project, types: Iterable[str]) -> list[bytes]:
    key = project_key(project)
    return [blind_index(key, TYPE_LABEL, each) for each in types]


def called(opened: OpenVersion) -> tuple[str, str]:
    """Its type and the name of its collection, by which `code_saving.policy` tells code."""
    return opened.collection.type_name, opened.collection.name
