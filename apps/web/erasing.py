"""An erasure as its page shows it: the steps, which of them are behind it, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core import clock
from apps.erasure.called import MOST_NAMES, names_of
from apps.erasure.grace import can_be_taken_back
from apps.erasure.taking_back import may_decide
from apps.erasure.types import HARD_LIMIT, Cause, Scope, Step

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.erasure.models import ErasureJob
    from apps.erasure.types import Called

_NAMES_IN_A_LIST = 3


@dataclass(frozen=True, slots=True)
class StepLine:
    name: str
    says: str
    state: str  # done, now, waiting
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    job: ErasureJob
    what: str
    is_by_setting: bool
    is_done: bool
    is_taken_back: bool
    until: datetime | None  # it waits, and can be taken back before this
    may_decide: bool  # the reader may take it back, or have it begin
    is_failing: bool  # the last try broke off; it is tried again by itself
    steps: list[StepLine]
    limit: datetime  # past which operators are told
    names: Sequence[Called] = ()  # what it is about, as far as the reader could read it

    @property
    def is_over(self) -> bool:
        return self.is_done or self.is_taken_back

    @property
    def is_on_its_way(self) -> bool:
        """Something happens by itself, so that its page looks again."""
        return not self.is_over and self.until is None

    @property
    def is_late(self) -> bool:
        return not self.is_over and self.limit < clock.now()

    @property
    def more(self) -> int:
        """How many there are besides those with a name here."""
        return max(0, self.job.asked - len(self.names)) if self.names else 0

    @property
    def has_runs(self) -> bool:
        return any(each.run for each in self.names)

    @property
    def has_places(self) -> bool:
        return any(each.project for each in self.names)

    @property
    def place(self) -> str:
        """The project of all of them, where it is one."""
        places = {each.project for each in self.names}
        return places.pop() if len(places) == 1 else ""

    @property
    def has_receipt(self) -> bool:
        return self.is_done and self.job.proven_at is not None

    @property
    def now(self) -> str:
        """The step that comes next, in words."""
        if self.is_taken_back:
            return _("Taken back")
        return next((step.name for step in self.steps if step.state == "now"), _("Done"))


def progress_in_list(jobs: Iterable[ErasureJob], actor: Actor) -> list[Progress]:
    """Each with the first of its names; what may be done stands on its page."""
    jobs = list(jobs)
    names = names_of(actor, jobs, most=_NAMES_IN_A_LIST)
    return [_progress(job, names=names.get(job.pk, ())) for job in jobs]


def progress_of(job: ErasureJob, actor: Actor | None = None) -> Progress:
    """As `actor` reads it, who is told what it is about and offered what they may do; to nobody nothing is."""
    if actor is None:
        return _progress(job)
    names = names_of(actor, [job], most=MOST_NAMES).get(job.pk, ())
    return _progress(job, names=names, may_be_decided=may_decide(actor, job))


def _progress(job: ErasureJob, *, names: Sequence[Called] = (), may_be_decided: bool = False) -> Progress:
    is_taken_back = job.step == Step.TAKEN_BACK
    reached = list(Step).index(Step(job.step)) - list(Step).index(Step.SHRED)
    words = [] if is_taken_back else _words(job)
    lines = [
        StepLine(
            _("Closed"),
            _("The run is closed to everybody until it is without them.")
            if job.scope == Scope.PART
            else _("Nobody finds it any more, and nothing more is written to it."),
            "done",
            job.asked_at,
        )
    ]
    if job.due_at is not None:
        lines.append(_grace(job, job.due_at))
    for place, (name, says, at) in enumerate(words):
        state = "done" if place < reached else "now" if place == reached else "waiting"
        lines.append(StepLine(name, says, state, at if state == "done" else None))
    return Progress(
        job=job,
        what=_what(job),
        is_by_setting=job.cause == Cause.RETENTION,
        is_done=job.step == Step.DONE,
        is_taken_back=is_taken_back,
        until=job.due_at if can_be_taken_back(job) else None,
        may_decide=may_be_decided,
        is_failing=bool(job.trouble) and (job.busy_until is None or job.busy_until < clock.now()),
        steps=lines,
        limit=job.begins_at + HARD_LIMIT,
        names=names,
    )


def _grace(job: ErasureJob, due_at: datetime) -> StepLine:
    if job.step == Step.TAKEN_BACK:
        says = _("Nothing was erased. All of it is where it was.")
        return StepLine(_("Taken back"), says, "done", job.done_at)
    state = "now" if job.step == Step.WAIT else "done"
    says = _("Until then whoever could erase it can take it back. Its keys and its bytes are there.")
    return StepLine(_("Kept in case it is taken back"), says, state, due_at)


def _words(job: ErasureJob) -> list[tuple[str, str, datetime | None]]:
    """Each step after closing: what it is called, what it does, and when it was behind the job."""
    found = [
        _shredding(job),
        (
            _("Stored bytes deleted"),
            _("Every version of each file that nothing else uses."),
            job.bytes_gone_at,
        ),
        (_("Rows deleted"), _("Everything about it in the database."), job.rows_gone_at or job.done_at),
    ]
    if job.done_at is not None and job.proven_at is None:
        return found  # it was done before there were more
    return [
        *found,
        (
            _("Proven to be gone"),
            _("The key database, the file store and every table were asked again, and have nothing of it."),
            job.proven_at,
        ),
        (
            _("Earlier copies made useless"),
            _(
                "The keys above it are new, and the root key of before is destroyed: no earlier copy opens it."
            ),
            job.renewed_at,
        ),
        (_("Receipt signed"), _("What was done and found, in numbers, for you to keep."), job.done_at),
    ]


def _shredding(job: ErasureJob) -> tuple[str, str, datetime | None]:
    if job.scope == Scope.PART:
        return (
            _("Keys exchanged"),
            _("What stays is encrypted under a new key and open again; the key of before is destroyed."),
            job.shredded_at,
        )
    return (
        _("Keys destroyed"),
        _("What was encrypted under them can be read by nobody on this instance."),
        job.shredded_at,
    )


def _what(job: ErasureJob) -> str:
    if job.scope == Scope.PROJECT:
        return _("A project with everything in it")
    if job.scope == Scope.TEAM:
        return _("A team with everything in it")
    if job.scope == Scope.ACCOUNT:
        return _("An account with everything of its own")
    if job.scope == Scope.ORGANISATION:
        return _("An organisation with its registries")
    if job.scope == Scope.RUNS:
        return ngettext("%(n)d run", "%(n)d runs", job.asked) % {"n": job.asked}
    if job.scope == Scope.PART:
        return ngettext("%(n)d part of a run", "%(n)d parts of a run", job.asked) % {"n": job.asked}
    if job.scope == Scope.ARTIFACT:
        return _("An artifact with all its versions")
    if job.scope == Scope.VERSIONS:
        said = ngettext("%(n)d version of an artifact", "%(n)d versions of artifacts", job.asked)
        return said % {"n": job.asked}
    if job.scope == Scope.EXPORTS:
        return ngettext("%(n)d export", "%(n)d exports", job.asked) % {"n": job.asked}
    return ngettext("%(n)d file", "%(n)d files", job.asked) % {"n": job.asked}
