"""Which run made a version and which read it; what a run read and made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.artifacts.queries import made_by, used_by, versions_of_run
from apps.artifacts.types import RunRole
from apps.projects.queries import open_projects
from apps.runs.queries import open_runs
from apps.wandb_protocol import translate
from apps.wandb_protocol.artifact_facts import version_facts
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.graphql.paging import asked_page, connection

if TYPE_CHECKING:
    from apps.artifacts.types import OpenVersion


def readers(version: Source, info: Info, first: int | None = None, after: str | None = None) -> Source:
    held: OpenVersion = version["_version"]
    asked_page(info, first, after)
    opened = open_runs(used_by(actor_in(info), held.version))
    budget_of(info).runs(opened)
    return connection(opened, translate.run_facts, first=first, after=after)


def maker(version: Source, info: Info) -> Source | None:
    held: OpenVersion = version["_version"]
    budget_of(info).stream_of(0)
    run = made_by(actor_in(info), held.version)
    if run is None:
        return None
    opened = open_runs([run])
    budget_of(info).runs(opened)
    return {"__typename": "Run"} | translate.run_facts(opened[0]) if opened else None


def _of_run(run: Source, info: Info, role: RunRole, first: int | None, after: str | None) -> Source:
    asked_page(info, first, after)
    found = versions_of_run(actor_in(info), run["_run"].run, role)
    projects = {each.version.collection.project for each in found}
    info.context.lives.expect(project.entity for project in projects)
    places = {each.project.pk: each for each in open_projects(projects)}
    return connection(
        [each for each in found if each.version.collection.project_id in places],
        lambda each: version_facts(each, places[each.version.collection.project_id]),
        first=first,
        after=after,
    )


def inputs(run: Source, info: Info, first: int | None = None, after: str | None = None) -> Source:
    return _of_run(run, info, RunRole.INPUT, first, after)


def outputs(run: Source, info: Info, first: int | None = None, after: str | None = None) -> Source:
    return _of_run(run, info, RunRole.OUTPUT, first, after)


FIELDS: Fields = {
    "Artifact.usedBy": readers,
    "Artifact.createdBy": maker,
    "Run.inputArtifacts": inputs,
    "Run.outputArtifacts": outputs,
}
