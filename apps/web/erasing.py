"""An erasure as its page shows it: the steps, which of them are behind it, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core import clock
from apps.erasure.types import HARD_LIMIT, Cause, Scope, Step

if TYPE_CHECKING:
    from apps.erasure.models import ErasureJob


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
    is_failing: bool  # the last try broke off; it is tried again by itself
    steps: list[StepLine]
    limit: datetime  # past which operators are told

    @property
    def is_late(self) -> bool:
        return not self.is_done and self.limit < clock.now()

    @property
    def has_receipt(self) -> bool:
        return self.is_done and self.job.proven_at is not None

    @property
    def now(self) -> str:
        """The step that comes next, in words."""
        return next((step.name for step in self.steps if step.state == "now"), _("Done"))


def progress_of(job: ErasureJob) -> Progress:
    order = list(Step)
    reached = order.index(Step(job.step))
    words = _words(job)
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
    for place, (name, says, at) in enumerate(words):
        state = "done" if place < reached else "now" if place == reached else "waiting"
        lines.append(StepLine(name, says, state, at if state == "done" else None))
    return Progress(
        job=job,
        what=_what(job),
        is_by_setting=job.cause == Cause.RETENTION,
        is_done=job.step == Step.DONE,
        is_failing=bool(job.trouble) and (job.busy_until is None or job.busy_until < clock.now()),
        steps=lines,
        limit=job.asked_at + HARD_LIMIT,
    )


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
