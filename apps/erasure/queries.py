from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count, Model, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import Manifest, StoredFile, Version
from apps.artifacts.queries.holders import heirs_of, links_of, read_by_runs
from apps.artifacts.queries.links import links_there
from apps.artifacts.queries.versions import committed
from apps.core.errors import Forbidden, NotFound, OwnlogError, TooMuch
from apps.core.ids import is_public_id
from apps.core.waiting import Work, work_of
from apps.erasure.grace import kept_for_now, may_begin
from apps.erasure.models import ErasureJob
from apps.erasure.plan import HEADS, Part, parts_of
from apps.erasure.types import Scope, Step, TeamWouldGo, Uses, VersionsWouldGo, WouldGo
from apps.files.models import RunFile
from apps.files.queries import get_files
from apps.projects.models import Project
from apps.projects.queries import find_project
from apps.runs.errors import BackSoon
from apps.runs.models import Chunk, Run
from apps.runs.queries import closed_by, runs_in, where_may_do
from apps.runs.types import RunState
from apps.teams.gate import those_where
from apps.teams.models import Entity, Membership
from apps.teams.queries import closed_entities_of, entities_of, entity_by_name

MOST_AT_ONCE = 500
_MOST_SHOWN = 100
_FILES_A_ROUND, _MOST_ROUNDS = 500, 40


def runs_to_erase(actor: Actor, project: Project, *, public_ids: Iterable[str]) -> list[Run]:
    """Those of these runs of a project that is held, for erasing. Forbidden where one of them is not the actor's to erase, BackSoon while
    one of them is closed for a moment: it would stay, and nobody would have said so."""
    wanted = list(dict.fromkeys(public_ids))
    if len(wanted) > MOST_AT_ONCE:
        raise TooMuch(_("At most %(n)d runs can be erased at once.") % {"n": MOST_AT_ONCE})
    runs = runs_in(project, public_ids=wanted)
    if len(where_may_do(actor, Permission.RUN_ERASE, runs)) < len(runs):
        raise Forbidden(_("You may erase the runs that you added. Some of these are of others."))
    missing = set(filter(is_public_id, wanted)) - {run.public_id for run in runs}
    if missing:
        closed = Run.everything.filter(project=project, public_id__in=missing, is_back_soon=True)
        if closed.exists():
            raise BackSoon
    return runs


def files_to_erase(actor: Actor, *, public_ids: Iterable[str]) -> list[RunFile]:
    """These files, for erasing; NotFound when one of them is not there or not shared with the actor."""
    wanted = list(dict.fromkeys(public_ids))
    if len(wanted) > MOST_AT_ONCE:
        raise TooMuch(_("At most %(n)d files can be erased at once.") % {"n": MOST_AT_ONCE})
    return get_files(actor, Permission.FILE_ERASE, public_ids=wanted)


def would_go(scope: Scope, things: Sequence[Model]) -> WouldGo:
    """What erasing these takes, in numbers, before anybody decides."""
    ids = [each.pk for each in things]
    rows = {part.model: _below(part, ids) for part in parts_of(scope)}
    stored = [
        rows[part.model].aggregate(n=Sum(f"{field}__stored_size"))["n"] or 0
        for part in parts_of(scope)
        for field in part.blob_fields
    ]
    if Chunk in rows:
        stored.append(rows[Chunk].aggregate(n=Sum("stored_bytes"))["n"] or 0)
    runs = rows[Run].filter(erased_at=None) if Run in rows else Run.objects.none()
    return WouldGo(
        runs=runs.count(),
        running=runs.filter(state=RunState.RUNNING.value).count(),
        files=rows[RunFile].filter(blob__isnull=False).count(),
        stored_bytes=sum(stored),
    )


def team_would_go(team: Entity) -> TeamWouldGo:
    """What goes with a team that is held with ENTITY_ADMIN, beside what `would_go` counts."""
    people = Membership.objects.filter(entity=team, user__erased_at=None).values_list(
        "user__is_service", flat=True
    )
    services = sum(people)
    return TeamWouldGo(
        projects=Project.objects.filter(entity=team).count(),
        versions=committed().filter(collection__project__entity=team).count(),
        people=len(people) - services,
        services=services,
        linked=links_there().filter(version__collection__project__entity=team).count(),
    )


def versions_would_go(versions: Sequence[Version]) -> VersionsWouldGo:
    """What erasing these versions takes, in numbers. A file counts when no version that stays holds it as well."""
    ids = {each.pk for each in versions}
    came = StoredFile.objects.filter(birth__in=ids).select_related("blob").order_by("pk")
    last = files = shared = size = 0
    for _round in range(_MOST_ROUNDS):
        if not (batch := list(came.filter(pk__gt=last)[:_FILES_A_ROUND])):
            break
        last, stay = batch[-1].pk, heirs_of(batch, but=ids, also=kept_for_now())
        goes = [each for each in batch if each.pk not in stay]
        files, shared = files + len(goes), shared + len(stay)
        size += sum(each.blob.stored_size or 0 for each in goes)
    rest = came.filter(pk__gt=last).aggregate(n=Count("pk"), size=Sum("blob__stored_size"))
    lists = Manifest.objects.filter(version__in=ids).aggregate(size=Sum("blob__stored_size"))
    return VersionsWouldGo(
        versions=len(ids),
        files=files + rest["n"],
        shared=shared,
        stored_bytes=size + (rest["size"] or 0) + (lists["size"] or 0),
        is_at_most=rest["n"] > 0,
    )


def uses_of(actor: Actor, versions: Sequence[Version]) -> Uses:
    """By what these versions are used, as far as the asker is told: of runs that they may not see nothing is. That a version is linked
    stands in its team's record."""
    return Uses(links_of(versions), read_by_runs(actor, versions))


def _below(part: Part, ids: Sequence[int]) -> QuerySet[Any]:
    field = f"{part.lookup}__in" if part.lookup else "pk__in"
    return part.model._base_manager.filter(**{field: ids})


def jobs_seen_by(actor: Actor) -> list[ErasureJob]:
    """The newest erasures that the actor asked for, and those of the entities whose admin they are."""
    return list(_seen(actor).select_related("entity").order_by("-id")[:_MOST_SHOWN])


def jobs_on_their_way(actor: Actor, *, most: int) -> list[ErasureJob]:
    """The newest of these that have not come to their end; a waiting one can be taken back."""
    going = _seen(actor).filter(done_at=None).exclude(step=Step.TAKEN_BACK)
    return list(going.select_related("entity").order_by("-id")[:most])


def get_job(actor: Actor, *, public_id: str) -> ErasureJob:
    """One erasure that the actor asked for, or in an entity whose admin they are."""
    found = (
        _seen(actor).select_related("entity").filter(public_id=public_id) if is_public_id(public_id) else None
    )
    if found is None or (job := found.first()) is None:
        raise NotFound(_("There is no such erasure, or it is not shared with you."))
    return job


def job_that_closed(actor: Actor, *, entity: str, project: str, run: str) -> ErasureJob | None:
    """The erasure for which the run at this address is closed, if the actor sees it; to everybody else there is none."""
    try:
        place = find_project(entity_by_name(entity), project)
        closed = closed_by(place, run) if place is not None else None
    except OwnlogError:
        return None
    if closed is None:
        return None
    return _seen(actor).select_related("entity").filter(uuid=closed).first()


def erasures_on_their_way() -> Work:
    """Erasures that have not come to their end, for the operators' page of jobs."""
    return work_of(
        _("Erasures on their way"), ErasureJob.objects.filter(may_begin(), done_at=None), "asked_at"
    )


def _seen(actor: Actor) -> QuerySet[ErasureJob]:
    if actor.user_id is None:
        return ErasureJob.objects.none()
    # Also a team that is being erased, while it is known who is in it: each of its admins may take that back.
    entities = [*entities_of(actor), *closed_entities_of(actor)]
    theirs = those_where(actor, Permission.ENTITY_AUDIT, entities)
    asked = Q(asked_by=actor.audit_id)
    if actor.only_entity is not None:
        asked &= Q(entity_id=actor.only_entity)
    return ErasureJob.objects.filter(asked | Q(entity__in=[each.pk for each in theirs]))


def marked_by(job: ErasureJob) -> QuerySet[Model]:
    """What a job was asked to erase and has not deleted yet."""
    return Part(HEADS[Scope(job.scope)], "").rows_of(job)
