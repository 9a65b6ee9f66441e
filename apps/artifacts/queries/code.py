"""Artifacts that are code: what `run.log_code()` sends and what the client makes beside it, where code saving is on."""

from __future__ import annotations

from collections.abc import Iterable

from apps.artifacts.models import Collection, Version
from apps.artifacts.queries.versions import (
    TYPE_LABEL,
    committed,
    open_collections,
    open_versions,
    project_key,
)
from apps.artifacts.types import CollectionKind, OpenVersion, RunRole
from apps.code_saving.policy import CODE_TYPE, JOB_TYPE, is_code_artifact, is_source_artifact
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.vault.seal import blind_index


def source_versions_of(run: Run) -> list[OpenVersion]:
    """The folders of code that a run sent, for who holds it with FILE_READ: of each name the last, by name.

    One question where there are none. Only of the run's own project: there who may read the one may read the other.
    """
    rows = committed().filter(
        run_versions__run=run,
        run_versions__role=RunRole.OUTPUT.value,
        collection__project=run.project_id,
        collection__type_index__in=_indexes(run.project, [CODE_TYPE]),
    )
    last = {row.collection_id: row for row in rows.order_by("number")}
    found = [each for each in open_versions(last.values()) if is_source_artifact(*_called(each))]
    return sorted(found, key=lambda each: each.collection.name)


def code_collections_of(entity: Entity) -> list[Collection]:
    """All artifacts of code of an entity, for who asked its gate."""
    rows = Project.objects.filter(entity=entity, erased_at=None, collections__kind=CollectionKind.SEQUENCE)
    found = []
    for project in rows.distinct():
        of_type = project.collections.filter(type_index__in=_indexes(project, [CODE_TYPE, JOB_TYPE]))
        found += [
            each.collection
            for each in open_collections(of_type, project)
            if is_code_artifact(each.type_name, each.name)
        ]
    return found


def committed_in(collections: Iterable[Collection]) -> list[Version]:
    return list(committed().filter(collection__in=[each.pk for each in collections]).defer("sealed_words"))


def _indexes(project: Project, types: Iterable[str]) -> list[bytes]:
    key = project_key(project)
    return [blind_index(key, TYPE_LABEL, each) for each in types]


def _called(opened: OpenVersion) -> tuple[str, str]:
    return opened.collection.type_name, opened.collection.name
