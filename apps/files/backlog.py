"""What work waits, and since when. Sweeps find their work in the database, so this is where it can be seen to be done."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils.translation import gettext_lazy as _

from apps.accounts.actors import Actor
from apps.accounts.queries import require_operator
from apps.audit.models import Repeat
from apps.audit.repeats import PERIOD
from apps.audit.sealing import waiting
from apps.blobs.models import Blob, BlobState
from apps.core import clock
from apps.core.background import queue_length
from apps.core.waiting import Work, told_from_above, work_of
from apps.plans.queries import requests_that_wait
from apps.runs.history.compaction import due_runs
from apps.runs.models import Chunk, Run
from apps.runs.types import RunState

# Longer than any run may be silent before a sweep has to have seen it.
_SILENT = timedelta(minutes=6)


def work_that_waits(actor: Actor) -> list[Work]:
    require_operator(actor)
    now = clock.now()
    due = due_runs()
    silent = Run.objects.filter(state=RunState.RUNNING, heartbeat_at__lt=now - _SILENT)
    unsettled = Blob.objects.exclude(state=BlobState.STORED)
    told = Repeat.objects.filter(since__lt=now - PERIOD)
    return [
        work_of(
            _("Runs whose lines become files"),
            Run.objects.filter(pk__in=Chunk.objects.filter(run__in=due).values("run")),
            "heartbeat_at",
        ),
        work_of(_("Runs that fell silent"), silent, "heartbeat_at"),
        work_of(_("Files half uploaded or being deleted"), unsettled, "created_at"),
        work_of(_("Events to be linked"), waiting(everywhere=True), "at"),
        work_of(_("Counts to be told"), told, "since"),
        work_of(_("Sessions that have run out"), Session.objects.filter(expire_date__lt=now), "expire_date"),
        work_of(_("Requests for a plan to be decided"), requests_that_wait(), "created_at"),
        *told_from_above(),
        Work(_("Messages in the queue"), queue_length()),
    ]
