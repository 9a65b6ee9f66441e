"""A whole team: closed at once with all its projects, its one key destroyed first, its row left as a stone without a name."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.models import Version
from apps.artifacts.services import cut_links
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.services import new_job, take_exports
from apps.erasure.types import Scope, Step
from apps.exports.closing import exports_holding, telling_of_runs, telling_of_versions
from apps.exports.models import Export
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.teams.types import EntityKind


@transaction.atomic
def erase_team(team: Entity, *, by: Actor, at_once: bool = False) -> ErasureJob:
    """Erase a team that was fetched with ENTITY_ADMIN, with its projects, people, keys, invitations and settings. On return it
    is there for nobody; its name is never given again. NotFound when it is not there any more.
    """
    # Without its key: whoever erases one of its runs holds that, and notes a job that points here.
    rows = Entity.objects.select_for_update(of=("self",), no_key=True).filter(kind=EntityKind.TEAM)
    held = rows.filter(pk=team.pk).first()
    if held is None:
        raise NotFound(_("There is no such team."))
    job = new_job(Scope.TEAM, held, asked=1, by=by, at_once=at_once)
    Entity.objects.filter(pk=held.pk).update(erased_at=job.asked_at, erasure_job=job.uuid)
    # What another job is erasing already stays its own besides.
    marks = {
        "erased_at": Coalesce("erased_at", Value(job.asked_at)),
        "erasure_job": Coalesce("erasure_job", Value(job.uuid)),
    }
    projects = Project.everything.filter(entity=held)
    list(projects.select_for_update().order_by("pk").values_list("pk"))
    Run.everything.filter(project__entity=held).update(**marks, is_back_soon=False, version=F("version") + 1)
    count = projects.update(**marks)
    _take_exports(job, held, by=by)  # while links say where more is told of it
    if job.step != Step.WAIT:
        linked = Version.everything.filter(collection__project__entity=held, links__isnull=False)
        cut_links(linked.only("pk").distinct(), by=by)
    record(
        EventKind.TEAM_ERASED,
        subject=held.public_id,
        entity=held.public_id,
        by=by,
        job=job.public_id,
        projects=count,
    )
    return job


def _take_exports(job: ErasureJob, team: Entity, *, by: Actor) -> None:
    """Those of the team, and those of others that hold anything of it."""
    versions = Version.everything.filter(collection__project__entity=team)
    portfolios = list(versions.filter(links__isnull=False).values_list("links__collection", flat=True))
    runs = Run.everything.filter(project__entity=team)
    said = telling_of_runs(runs) | telling_of_versions(versions) | Q(collection__in=portfolios)
    holding = exports_holding(Q(project__entity=team) | said)
    take_exports(job, Export.objects.filter(Q(entity=team) | Q(pk__in=holding.values("pk"))), by=by)
