"""Which runs made and read a version, and which versions a run made and read.

They may lie in projects of others: who is shown one of those looks into that project, and its owner sees it on the record.
The instance itself, and an operator on its machine, are told all: no gate would know them.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import OuterRef, Subquery

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import RunVersion, Version, WithheldArtifact
from apps.artifacts.queries.versions import committed, open_versions, require_version
from apps.artifacts.types import OpenVersion, RunRole, VersionState
from apps.projects.gate import readable
from apps.runs.models import Run
from apps.runs.queries import run_key
from apps.vault.seal import unseal_text

WITHHELD_LABEL = "withheld_artifact.name"
_MOST_RUNS = 1_000


def made_by(actor: Actor, version: Version) -> Run | None:
    """The run that made a version which is held already, if there is one and the actor may see it."""
    first = RunVersion.objects.filter(version=version, role=RunRole.OUTPUT.value).order_by("id").first()
    if first is None:
        return None
    run = Run.objects.select_related("project__entity").filter(pk=first.run_id, erased_at=None).first()
    if run is not None and actor.is_at_the_machine:
        return run if run.project.erased_at is None else None
    return run if run is not None and readable(actor, [run.project]) else None


def makers_of(actor: Actor, versions: Iterable[Version]) -> dict[int, Run]:
    """By the version's row the run that made it, as far as the actor may see it."""
    rows = RunVersion.objects.filter(
        version__in=[each.pk for each in versions], role=RunRole.OUTPUT.value, run__erased_at=None
    ).select_related("run__project__entity")
    found = list(rows.order_by("-id"))  # the first that made it counts, and comes last
    seen = {each.pk for each in readable(actor, {row.run.project for row in found})}
    return {row.version_id: row.run for row in found if row.run.project_id in seen}


def used_by(actor: Actor, version: Version) -> list[Run]:
    """The runs that read a version which is held already, as far as the actor may see them; the newest first."""
    rows = Run.objects.filter(run_versions__version=version, run_versions__role=RunRole.INPUT, erased_at=None)
    newest = list(rows.select_related("project__entity").order_by("-id")[:_MOST_RUNS])
    if actor.is_at_the_machine:
        return [run for run in newest if run.project.erased_at is None]
    seen = {each.pk for each in readable(actor, {run.project for run in newest})}
    return [run for run in newest if run.project_id in seen]


def versions_of_run(actor: Actor, run: Run, role: RunRole, *, most: int | None = None) -> list[OpenVersion]:
    """The committed versions that a run made, or read, as far as the actor may see them; in the order in which it did."""
    rows = (
        Version.objects.filter(
            run_versions__run=run, run_versions__role=role.value, state=VersionState.COMMITTED
        )
        .select_related("collection__project__entity")
        .order_by("run_versions__id")
    )
    found = list(rows[:most])
    if actor.is_at_the_machine:
        return open_versions([each for each in found if each.collection.project.erased_at is None])
    elsewhere = {each.collection.project for each in found} - {run.project}
    seen = {run.project_id, *(each.pk for each in readable(actor, elsewhere))}
    return open_versions([each for each in found if each.collection.project_id in seen])


def versions_to_delete_with(actor: Actor, run: Run) -> list[Version]:
    """The versions that a run made, for deleting: all of them, or Forbidden where one is not the actor's to delete.

    One that another run had made before is that one's. In one question, and one for each person who brought any.
    """
    makers = RunVersion.objects.filter(version=OuterRef("pk"), role=RunRole.OUTPUT.value).order_by("id")
    made = (
        committed()
        .filter(collection__project=run.project_id, run_versions__run=run, run_versions__role=RunRole.OUTPUT)
        .alias(first_maker=Subquery(makers.values("run_id")[:1]))
        .filter(first_maker=run.pk)
    )
    versions: list[Version] = list(made.order_by("pk"))
    for version in {each.created_by_id: each for each in versions}.values():
        require_version(actor, Permission.FILE_ERASE, version)
    return versions


def withheld_artifacts(run: Run) -> list[str]:
    """Names of the artifacts that a client offered from this run and that were not stored."""
    key = run_key(run)
    return sorted(
        unseal_text(key, bytes(row.sealed_name), label=WITHHELD_LABEL, row=row.uuid)
        for row in WithheldArtifact.objects.filter(run=run)
    )


def count_links(run: Run) -> int:
    """How many versions a run made and read."""
    return RunVersion.objects.filter(run=run, version__state=VersionState.COMMITTED).count()
