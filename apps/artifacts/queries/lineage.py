"""Which runs made and read a version, and which versions a run made and read."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import OuterRef, Subquery

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import RunVersion, Version, WithheldArtifact
from apps.artifacts.queries.versions import committed, open_versions, require_version
from apps.artifacts.types import OpenVersion, RunRole, VersionState
from apps.projects.gate import may
from apps.runs.models import Run
from apps.runs.queries import may_do, run_key
from apps.vault.seal import unseal_text

WITHHELD_LABEL = "withheld_artifact.name"
_MOST_RUNS = 1_000


def made_by(actor: Actor, version: Version) -> Run | None:
    """The run that made a version which is held already, if there is one and the actor may see it."""
    first = RunVersion.objects.filter(version=version, role=RunRole.OUTPUT.value).order_by("id").first()
    if first is None:
        return None
    run = Run.objects.select_related("project__entity").filter(pk=first.run_id, erased_at=None).first()
    return run if run is not None and may_do(actor, Permission.RUN_READ, run) else None


def makers_of(actor: Actor, versions: Iterable[Version]) -> dict[int, Run]:
    """By the version's row the run that made it, as far as the actor may see it; in one question and one a project."""
    rows = RunVersion.objects.filter(
        version__in=[each.pk for each in versions], role=RunRole.OUTPUT.value, run__erased_at=None
    ).select_related("run__project__entity")
    found: dict[int, Run] = {}
    seen: dict[int, bool] = {}
    for row in rows.order_by("-id"):  # the first that made it counts, and comes last
        project = row.run.project_id
        if project not in seen:
            seen[project] = may_do(actor, Permission.RUN_READ, row.run)
        if seen[project]:
            found[row.version_id] = row.run
    return found


def used_by(actor: Actor, version: Version) -> list[Run]:
    """The runs that read a version which is held already, as far as the actor may see them; the newest first."""
    rows = Run.objects.filter(run_versions__version=version, run_versions__role=RunRole.INPUT, erased_at=None)
    newest = rows.select_related("project__entity").order_by("-id")[:_MOST_RUNS]
    seen: dict[int, bool] = {}
    found = []
    for run in newest:
        if run.project_id not in seen:
            seen[run.project_id] = may_do(actor, Permission.RUN_READ, run)
        if seen[run.project_id]:
            found.append(run)
    return found


def versions_of_run(actor: Actor, run: Run, role: RunRole, *, most: int | None = None) -> list[OpenVersion]:
    """The committed versions that a run made, or read, as far as the actor may see them; in the order in which it did."""
    rows = (
        Version.objects.filter(
            run_versions__run=run, run_versions__role=role.value, state=VersionState.COMMITTED
        )
        .select_related("collection__project__entity")
        .order_by("run_versions__id")
    )
    seen: dict[int, bool] = {}
    shown = []
    for version in rows[:most]:
        project = version.collection.project
        if project.pk not in seen:
            seen[project.pk] = project.pk == run.project_id or _may_read(actor, version)
        if seen[project.pk]:
            shown.append(version)
    return open_versions(shown)


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


def _may_read(actor: Actor, version: Version) -> bool:
    return may(actor, Permission.FILE_READ, version.collection.project)


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
