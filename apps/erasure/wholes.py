"""What teams, accounts and organisations have in common when they are closed: an entity with all its projects, at once."""

from __future__ import annotations

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from apps.accounts.actors import Actor
from apps.artifacts.models import Version
from apps.artifacts.services import cut_links
from apps.erasure.models import ErasureJob
from apps.erasure.services import take_exports
from apps.erasure.types import Step
from apps.exports.closing import exports_holding, telling_of_runs, telling_of_versions
from apps.exports.models import Export
from apps.projects.models import Project
from apps.runs.holding import hold_runs
from apps.runs.models import Run
from apps.teams.models import Entity


def close_whole(entity: Entity, job: ErasureJob, *, by: Actor, also: Q | None = None) -> int:
    """Mark an entity whose row is held, with all that lies in it, in the transaction that records the job; how many projects.
    `also`: further exports that go."""
    Entity.objects.filter(pk=entity.pk).update(erased_at=job.asked_at, erasure_job=job.uuid)
    # What another job is erasing already stays its own besides.
    marks = {
        "erased_at": Coalesce("erased_at", Value(job.asked_at)),
        "erasure_job": Coalesce("erasure_job", Value(job.uuid)),
    }
    projects = Project.everything.filter(entity=entity)
    list(projects.select_for_update().order_by("pk").values_list("pk"))
    runs = Run.everything.filter(project__in=projects)
    hold_runs(runs)
    runs.update(**marks, is_back_soon=False, version=F("version") + 1)
    count = projects.update(**marks)
    _take_exports(job, entity, also or Q(), by=by)  # while links say where more is told of it
    if job.step != Step.WAIT:
        linked = Version.everything.filter(collection__project__entity=entity, links__isnull=False)
        cut_links(linked.only("pk").distinct(), by=by)
    return count


def _take_exports(job: ErasureJob, entity: Entity, also: Q, *, by: Actor) -> None:
    """Those of the entity, and those of others that hold anything of it."""
    versions = Version.everything.filter(collection__project__entity=entity)
    portfolios = list(versions.filter(links__isnull=False).values_list("links__collection", flat=True))
    runs = Run.everything.filter(project__entity=entity)
    said = telling_of_runs(runs) | telling_of_versions(versions) | Q(collection__in=portfolios)
    holding = exports_holding(Q(project__entity=entity) | said)
    going = Q(entity=entity) | Q(pk__in=holding.values("pk"))
    take_exports(job, Export.objects.filter((going | also) if also else going), by=by)
