"""Runs and versions of artifacts that are older than their owner keeps them, erased as if somebody had asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from apps.accounts.actors import Actor
from apps.artifacts.models import Version
from apps.artifacts.queries.lives import older_without_a_word, over_by_their_word
from apps.core import clock
from apps.core.errors import NotFound
from apps.erasure.artifacts import erase_versions
from apps.erasure.services import erase_runs
from apps.erasure.types import Cause
from apps.projects.models import Project
from apps.projects.retention import SETTING, retention_of
from apps.runs.models import Run
from apps.runs.types import RunState
from apps.teams.choices import NEVER, SettingName
from apps.teams.models import Entity, Setting
from apps.teams.queries import effective_of

_PROJECTS_AT_ONCE = 200
_RUNS_IN_JOB = 200
_VERSIONS_IN_JOB = 200
_MOST_AT_A_GO = 5_000  # of the whole instance: the rest an hour later


def erase_what_is_old() -> int:
    """Erase all runs whose time is over; how many. Never one that still runs, also if it was begun long ago."""
    erased = 0
    for project, days in _with_rules():
        while erased < _MOST_AT_A_GO and (batch := list(old_runs(project, days)[:_RUNS_IN_JOB])):
            erased += _erase_if_still_old(batch, days)
    return erased


def _erase_if_still_old(runs: list[Run], days: int) -> int:
    """Asked again under the runs' locks: somebody may have taken one of them up since it was found."""
    try:
        job = erase_runs(runs, by=Actor.system(), cause=Cause.RETENTION, only_if=_ended_days_ago(days))
    except NotFound:  # all of them: the next look finds others
        return 0
    return job.asked


def old_runs(project: Project, days: int) -> QuerySet[Run]:
    """The runs of a project that ended, and were last heard of, more than so many days ago; the oldest first."""
    return Run.objects.filter(_ended_days_ago(days), project=project).order_by("pk")


def _ended_days_ago(days: int) -> Q:
    return ended_before(clock.now() - timedelta(days=days))


def ended_before(moment: datetime) -> Q:
    closed = [state.value for state in RunState.closed()]
    # What was brought from elsewhere is as old here as its being here: its owner sees it before it goes.
    here = Q(project__brought_at=None) | Q(project__brought_at__lt=moment)
    return here & Q(state__in=closed, finished_at__lt=moment, heartbeat_at__lt=moment)


def _with_rules() -> Iterator[tuple[Project, int]]:
    """Each project for which a number of days holds, with that number."""
    said = Setting.objects.filter(name=SETTING.value).exclude(value=NEVER)
    rules = (
        ~Q(run_retention__in=["", NEVER])
        | Q(entity__in=said.filter(entity__isnull=False).values("entity"))
        | Q(entity__organisation__in=said.filter(organisation__isnull=False).values("organisation"))
    )
    ids = list(Project.objects.filter(rules).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), _PROJECTS_AT_ONCE):
        some = list(
            Project.objects.select_related("entity").filter(pk__in=ids[start : start + _PROJECTS_AT_ONCE])
        )
        for pk, rule in retention_of(some).items():
            if rule.days is not None:
                yield next(each for each in some if each.pk == pk), rule.days


def erase_old_versions() -> int:
    """Erase all versions of artifacts whose time is over, by their own word or by the rule of their owner; how many.
    Aliases that lead to them go as well."""
    erased = 0
    for (_entity, seconds), over in over_by_their_word().items():
        for start in range(0, len(over), _VERSIONS_IN_JOB):
            if erased < _MOST_AT_A_GO:
                erased += _erase_if(over[start : start + _VERSIONS_IN_JOB], Q(ttl_seconds=seconds))
    for entity, days in _entities_with_a_life():
        projects = list(Project.objects.filter(entity=entity).values_list("pk", flat=True))
        old = older_without_a_word(projects, days).order_by("pk")
        while erased < _MOST_AT_A_GO and (batch := list(old[:_VERSIONS_IN_JOB])):
            erased += _erase_if(batch, Q(ttl_seconds=None))
    return erased


def _erase_if(versions: list[Version], only_if: Q) -> int:
    """Asked again under their locks: somebody may just have said that one lives on."""
    try:
        job = erase_versions(versions, by=Actor.system(), cause=Cause.RETENTION, only_if=only_if)
    except NotFound:  # all of them: the next look finds others
        return 0
    return job.asked


def _entities_with_a_life() -> Iterator[tuple[Entity, int]]:
    name = SettingName.ARTIFACT_TTL_DAYS
    said = Setting.objects.filter(name=name.value).exclude(value=NEVER)
    rules = Q(pk__in=said.filter(entity__isnull=False).values("entity")) | Q(
        organisation__in=said.filter(organisation__isnull=False).values("organisation")
    )
    entities = list(Entity.objects.filter(rules).order_by("pk"))
    held = effective_of(entities, [name])
    for entity in entities:
        days = held[entity.pk][name].days
        if days is not None:
            yield entity, days
