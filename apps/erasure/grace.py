"""How long what somebody erases can still be taken back: their entity's choice, and what that means for one erasure.

Meanwhile it is closed as any other: no door finds it. Its keys and bytes are there, and its request waits.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from apps.core import clock
from apps.erasure.models import ErasureJob
from apps.erasure.types import WITH_NAMES, Cause, Scope, Step
from apps.teams.choices import SPECS, SettingName
from apps.teams.models import Entity
from apps.teams.queries import effective

# Runs, files and artifacts come by the hundred, and a client writes them again; a project is years of work.
PARTS, WHOLES = SettingName.GRACE_DAYS, SettingName.PROJECT_GRACE_DAYS
_WHOLE = frozenset({Scope.PROJECT, *WITH_NAMES})
# An account that nobody asked to erase waits for so long at least, whatever was chosen.
UNASKED = timedelta(days=7)


def setting_for(scope: Scope) -> SettingName:
    return WHOLES if scope in _WHOLE else PARTS


def grace_of(entity: Entity, scope: Scope) -> timedelta:
    """How long an erasure in this entity waits. Parts of a run do not: the run is closed until they are gone. Nor do exports."""
    if scope in {Scope.PART, Scope.EXPORTS}:
        return timedelta()
    return timedelta(days=effective(entity, setting_for(scope)).days or 0)


def grace_for(entity: Entity, scope: Scope, cause: Cause) -> timedelta:
    """The same by why it is erased: what goes by a rule does not wait once more, its days are over. But an account that is not used
    may belong to somebody who was away."""
    if cause is Cause.ASKED:
        return grace_of(entity, scope)
    return max(grace_of(entity, scope), UNASKED) if scope is Scope.ACCOUNT else timedelta()


def could_be_taken_back_until(entity: Entity, scope: Scope) -> datetime | None:
    """If it were asked for now; None where it is gone at once. For pages that say so before."""
    grace = grace_of(entity, scope)
    return clock.now() + grace if grace else None


def organisation_waits_until() -> datetime | None:
    """The same for an organisation, which chooses nothing of this for itself: as long as a project does where nobody chose."""
    days = SPECS[WHOLES].default
    return clock.now() + timedelta(days=days) if isinstance(days, int) and days else None


def may_begin() -> Q:
    """Jobs that wait for no moment any more, and for nobody to be told how to take them back."""
    is_due = Q(due_at=None) | Q(due_at__lte=clock.now())
    return is_due & ~Q(pk__in=unheard().values("pk"))


def unheard() -> QuerySet[ErasureJob]:
    """Accounts that wait though nobody asked for it, whose link back no server has taken and no operator was given."""
    rows = ErasureJob.objects.filter(scope=Scope.ACCOUNT, cause=Cause.RETENTION, step=Step.WAIT, tries=0)
    return rows.filter(way_back__isnull=False, way_back__handed_at=None)


def waiting() -> QuerySet[ErasureJob]:
    """Jobs that can still be taken back: no worker has begun. One that has, has tried."""
    return ErasureJob.objects.filter(step=Step.WAIT, tries=0, due_at__gt=clock.now())


def can_be_taken_back(job: ErasureJob) -> bool:
    return job.step == Step.WAIT and not job.tries and job.begins_at > clock.now()


def kept_for_now() -> Q:
    """Versions of artifacts that are closed and may yet come back: what they hold is theirs still."""
    jobs = ErasureJob.objects.filter(step=Step.WAIT).values("uuid")
    return Q(erasure_job__in=jobs) | Q(collection__erasure_job__in=jobs)
