from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.models import Version
from apps.artifacts.services import cut_links
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import background, clock
from apps.core.errors import Invalid, NotFound, TooMuch
from apps.core.pauses import reconnect
from apps.erasure.errors import NotYet
from apps.erasure.grace import grace_for, may_begin
from apps.erasure.ladder import MOMENTS, STEPS
from apps.erasure.models import ErasureJob, Remainder
from apps.erasure.proof import waits_for_other_than
from apps.erasure.queries import MOST_AT_ONCE
from apps.erasure.types import Cause, Scope, Step
from apps.exports.closing import close_exports, exports_holding, telling_of_runs, telling_of_versions
from apps.exports.models import Export
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.projects.queries import locked_project
from apps.runs.errors import BackSoon
from apps.runs.holding import hold_runs
from apps.runs.models import Run
from apps.runs.queries import whose
from apps.teams.models import Entity
from apps.vault.epochs import unfinished
from apps.vault.waiting import Waits
from apps.webhooks.outbox import note_begun, note_ended
from apps.webhooks.types import Happening

log = logging.getLogger(__name__)

# Longer than any batch: a worker that has not said a word since is dead, and another one goes on.
_LEASE = timedelta(minutes=2)
_TURN_SECONDS = 20.0  # then others have their turn
_SAID_EVERY = 10.0  # seconds; a commit after each batch would say no more
# Whoever waits for an answer goes first: between two batches an erasure rests so many times as long as the last one took, at most
# so many seconds. What takes longer waits for a store, not for a processor; and what is small is over before it holds up anybody.
_REST = 4
_LONGEST_REST = 0.2
_WORKS_FIRST = 0.3  # seconds
_SWEEP_BATCH = 20
_MOST_WOKEN = 1000  # the sweep finds the others
_waits_again: ContextVar[Waits | None] = ContextVar("ownlog_waits_again", default=None)


class _TimeIsOver(Exception):
    """The step has had its turn; what it has done stays done."""


def erase_run(run: Run, *, by: Actor, at_once: bool = False) -> ErasureJob:
    """Erase a run that was fetched with RUN_ERASE, and everything below it."""
    return erase_runs([run], by=by, at_once=at_once)


@transaction.atomic
def erase_runs(
    runs: Sequence[Run],
    *,
    by: Actor,
    cause: Cause = Cause.ASKED,
    only_if: Q | None = None,
    at_once: bool = False,
) -> ErasureJob:
    """Erase runs of one project, each fetched with RUN_ERASE. On return nobody finds them, whatever happens to this process.

    With `only_if` those of which it holds at the last moment; `at_once` whatever grace their owner chose (`grace`). NotFound
    when none of them is there any more: asking twice changes nothing. BackSoon while one is closed for a moment.
    """
    check_count(runs)
    if len({run.project_id for run in runs}) != 1:
        raise Invalid(_("Runs of one project are erased together."))
    rows = Run.objects.select_for_update(of=("self",)).select_related("project__entity").order_by("pk")
    locked = list(rows.filter(only_if or Q(), pk__in=[run.pk for run in runs]))
    if only_if is None:
        _require_none_back_soon({run.pk for run in runs} - {run.pk for run in locked})
    if not locked:
        raise NotFound(_("There is no such run, or it is not shared with you."))
    place = locked[0].project
    job = new_job(
        Scope.RUNS, place.entity, asked=len(locked), by=by, cause=cause, at_once=at_once, projects=[place]
    )
    # The version too: a line that is written without a lock is stored only while the run has the version it was read with.
    Run.objects.filter(pk__in=[run.pk for run in locked]).update(
        erased_at=job.asked_at, erasure_job=job.uuid, version=F("version") + 1
    )
    take_exports(job, exports_holding(telling_of_runs(locked)), by=by)
    for run in locked:
        record(EventKind.RUN_ERASED, **whose(run), by=by, job=job.public_id, cause=cause.value)
    return job


@transaction.atomic
def erase_project(project: Project, *, by: Actor, at_once: bool = False) -> ErasureJob:
    """Erase a project that was fetched with PROJECT_ERASE, with everything in it."""
    project = locked_project(project)
    runs = Run.everything.filter(project=project)
    job = new_job(Scope.PROJECT, project.entity, asked=1, by=by, at_once=at_once)
    Project.objects.filter(pk=project.pk).update(erased_at=job.asked_at, erasure_job=job.uuid)
    # After the project's row, which whoever adds a run holds: what they added is among these. Runs that another job is
    # erasing stay its own besides: it may not find nothing, and prove that they are gone, before this one has come to them.
    hold_runs(runs)
    count = runs.update(
        erased_at=Coalesce("erased_at", Value(job.asked_at)),
        erasure_job=Coalesce("erasure_job", Value(job.uuid)),
        is_back_soon=False,
        version=F("version") + 1,
    )
    linked = Version.everything.filter(collection__project=project, links__isnull=False)
    portfolios = list(linked.values_list("links__collection", flat=True))
    if job.step != Step.WAIT:
        # Now, and not when the rows go: where its versions were linked, the histories say that they are gone.
        cut_links(linked.only("pk").distinct(), by=by)
    versions = Version.everything.filter(collection__project=project)
    said = telling_of_runs(runs) | telling_of_versions(versions) | Q(collection__in=portfolios)
    take_exports(job, exports_holding(Q(project=project) | said), by=by)
    record(
        EventKind.PROJECT_ERASED,
        subject=project.public_id,
        entity=project.entity.public_id,
        project=project.public_id,
        by=by,
        job=job.public_id,
        runs=count,
    )
    return job


@transaction.atomic
def erase_files(
    files: Sequence[RunFile], *, by: Actor, only_if: Q | None = None, at_once: bool = False
) -> ErasureJob:
    """Erase files of runs of one entity, each fetched with FILE_ERASE. A file of the same name may come again at once.

    With `only_if` those of which it holds at the last moment. BackSoon while a run of one is closed for a moment.
    """
    check_count(files)
    # Their runs first, as everybody takes them: one that is given another key meanwhile keeps none for what still waits.
    there = hold_runs(Run.objects.filter(pk__in={file.run_id for file in files}))
    if only_if is None:
        _require_none_back_soon({file.run_id for file in files} - set(there))
    rows = (
        RunFile.objects.select_for_update(of=("self",)).select_related("run__project__entity").order_by("pk")
    )
    locked = list(rows.filter(only_if or Q(), pk__in=[file.pk for file in files], run__in=there))
    if not locked:
        raise NotFound(_("There is no such file, or it is not shared with you."))
    if len({file.run.project.entity_id for file in locked}) != 1:
        raise Invalid(_("Files of one owner are erased together."))
    places = {file.run.project_id: file.run.project for file in locked}.values()
    entity = locked[0].run.project.entity
    job = new_job(Scope.FILES, entity, asked=len(locked), by=by, at_once=at_once, projects=places)
    for file in locked:
        file.erased_at, file.erasure_job = job.asked_at, job.uuid
        file.name_index = secrets.token_bytes(16)  # the name is free
    RunFile.everything.bulk_update(locked, ["erased_at", "erasure_job", "name_index"], batch_size=100)
    take_exports(job, exports_holding(Q(run__in={file.run_id for file in locked})), by=by)
    for run in {file.run_id: file.run for file in locked}.values():
        count = sum(file.run_id == run.pk for file in locked)
        record(EventKind.FILES_ERASED, **whose(run), by=by, job=job.public_id, files=count)
    return job


def _require_none_back_soon(missing: Set[int]) -> None:
    """Of runs that were chosen and could not be taken. One that was closed for a moment would stay, and nobody would have said so; it
    may be open again by now.
    """
    there = Run.everything.filter(Q(erased_at=None) | Q(is_back_soon=True), pk__in=missing)
    if missing and there.exists():
        raise BackSoon


def check_count(things: Collection[object]) -> None:
    """Invalid for nothing, TooMuch for more than go at once."""
    if not things:
        raise Invalid(_("Nothing was chosen."))
    if len(things) > MOST_AT_ONCE:
        raise TooMuch(_("At most %(n)d can be erased at once.") % {"n": MOST_AT_ONCE})


def new_job(
    scope: Scope,
    entity: Entity,
    *,
    asked: int,
    by: Actor,
    cause: Cause = Cause.ASKED,
    at_once: bool = False,
    projects: Iterable[Project] = (),
) -> ErasureJob:
    """Note that something of these projects is to be erased, inside the transaction that marks it. Its steps begin once that is
    committed, or when it can no longer be taken back; webhooks are told at its end. What goes by a rule does not wait once
    more: its days are over.
    """
    grace = timedelta() if at_once else grace_for(entity, scope, cause)
    asked_at = clock.now()
    job = ErasureJob(
        scope=scope.value,
        cause=cause.value,
        entity=entity,
        asked=asked,
        asked_by=by.audit_id,
        asked_at=asked_at,
        due_at=asked_at + grace if grace else None,
        step=(Step.WAIT if grace else Step.SHRED).value,
    )
    if (waits := _waits_again.get()) is not None and waits.scope == job.scope:
        job.public_id, job.asked_by, job.asked_at = waits.job, waits.asked_by, waits.asked_at
        job.due_at, job.step = waits.due_at, Step.WAIT.value
    job.save(force_insert=True)
    note_begun(
        Happening.ERASURE_DONE,
        entity,
        projects,
        of=job.public_id,
        erasure=job.public_id,
        scope=scope.value,
        things=asked,
    )
    if job.step == Step.WAIT:
        background.enqueue("erasure.remember")
    else:
        background.enqueue("erasure.advance", job_id=job.pk)
    return job


@contextmanager
def waiting_again(waits: Waits) -> Iterator[None]:
    """Inside this block what is closed waits by the job by which it did, with its moments: as it was asked for then, whatever
    its owner's choice is in this database. Exports that hold it go by a job of their own, as ever."""
    token = _waits_again.set(waits)
    try:
        yield
    finally:
        _waits_again.reset(token)


def take_exports(job: ErasureJob, exports: QuerySet[Export], *, by: Actor) -> int:
    """Have exports go with what a job erases, in the transaction that marks it; how many there are. Where that can be taken back
    they do not wait for it, but go by a job of their own: they can be made again."""
    if job.step == Step.WAIT:
        count = exports.count()
        if not count:
            return 0
        job = new_job(Scope.EXPORTS, job.entity, asked=count, by=by, at_once=True)
    return close_exports(exports, job=job.uuid, called=job.public_id, cause=job.cause, at=job.asked_at, by=by)


def advance(job_id: int) -> None:
    """Take the next steps of a job, as far as they come in one turn. After a crash, call again; two at once do no harm."""
    job = _claim(job_id)
    if job is None:
        return
    turn = _Turn(job)
    try:
        while job.step != Step.DONE:
            STEPS[Step(job.step)](job, turn.beat)
            _note_done(job)
    except _TimeIsOver:
        _release(job)
        background.enqueue("erasure.advance", job_id=job.pk)
    except NotYet:
        _release(job)
    except Exception as error:
        # Said and tried again by the sweep, as often as it takes: no erasure is given up.
        reconnect()  # by a session that has ended nothing can be said
        _release(job, trouble=type(error).__name__)
        raise


def _claim(job_id: int) -> ErasureJob | None:
    now = clock.now()
    free = ErasureJob.objects.filter(_free(now), may_begin(), pk=job_id, done_at=None)
    if not free.update(busy_until=now + _LEASE, tries=F("tries") + 1):
        return None
    return ErasureJob.objects.get(pk=job_id)


def _free(now: datetime) -> Q:
    """No worker is at it. One that promised to be back later than any could was before the clock was set back, and may be dead."""
    return Q(busy_until=None) | Q(busy_until__lt=now) | Q(busy_until__gt=now + 2 * _LEASE)


class _Turn:
    """One worker's turn at a job."""

    def __init__(self, job: ErasureJob) -> None:
        self._job = job
        self._said = self._since = time.monotonic()
        self._began, self._ends = self._since, self._since + _TURN_SECONDS

    def beat(self) -> None:
        """After each batch: rest, say that work goes on, or raise when the turn is over."""
        now = time.monotonic()
        if now > self._ends:
            raise _TimeIsOver
        if now > self._said + _SAID_EVERY:
            ErasureJob.objects.filter(pk=self._job.pk).update(busy_until=clock.now() + _LEASE)
            self._said = now
        if (
            self._job.step != Step.SHRED and now > self._began + _WORKS_FIRST
        ):  # until its keys are gone nothing waits
            time.sleep(min(_REST * (now - self._since), _LONGEST_REST))
        self._since = time.monotonic()


@transaction.atomic
def _note_done(job: ErasureJob) -> None:
    """The step that was just taken is behind the job."""
    now, steps = clock.now(), list(Step)
    following = steps[steps.index(Step(job.step)) + 1]
    changes: dict[str, Any] = {"step": following.value, "busy_until": now + _LEASE, "trouble": ""}
    if (moment := MOMENTS.get(Step(job.step))) is not None:
        ErasureJob.objects.filter(pk=job.pk, **{moment: None}).update(**{moment: now})
    if following is Step.DONE:
        changes |= {"done_at": now, "busy_until": None}
        Remainder.objects.filter(job=job).delete()  # in numbers they are in the proof
        note_ended(job.public_id)
    ErasureJob.objects.filter(pk=job.pk, step=job.step).update(**changes)
    job.refresh_from_db()


def _release(job: ErasureJob, *, trouble: str = "") -> None:
    ErasureJob.objects.filter(pk=job.pk).update(busy_until=None, trouble=trouble)


def due_jobs() -> Iterable[int]:
    """Jobs that are not done, that no worker is at, and that wait for nothing but one."""
    now = clock.now()
    waiting = ErasureJob.objects.filter(_free(now), may_begin(), done_at=None)
    waiting = waiting.exclude(waits_for_other_than(_epochs_done()))
    # Those tried least first: one that cannot be finished keeps no other waiting.
    return list(waiting.order_by("tries", "pk").values_list("pk", flat=True)[:_SWEEP_BATCH])


def go_on_after_epoch() -> None:
    """An epoch is over: whoever waited for it goes on."""
    waited = ErasureJob.objects.filter(step=Step.EPOCH, epoch__in=_epochs_done(), done_at=None)
    for job_id in waited.order_by("pk").values_list("pk", flat=True)[:_MOST_WOKEN]:
        background.enqueue("erasure.advance", job_id=job_id)


def _epochs_done() -> set[int]:
    """Those of the epochs that jobs wait for that are over, or are unknown and have to be asked for anew."""
    waits = ErasureJob.objects.filter(step=Step.EPOCH, epoch__isnull=False)
    numbers = {number for number in waits.values_list("epoch", flat=True) if number is not None}
    return numbers - unfinished(numbers)
