"""Runs of which nothing is heard any more: the sweep says how they ended, for their client will not."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock
from apps.runs.models import Run
from apps.runs.types import RunState
from apps.webhooks.outbox import note_by_ids
from apps.webhooks.types import Happening

# The client posts at least every 30 s; after five minutes of silence something has ended it.
_SILENCE = timedelta(minutes=5)
# Some writers of a shared run never say that they are done; the word of those who did is then taken.
_SILENCE_AFTER_A_WRITER = timedelta(seconds=90)
# A preempted machine may come back much later.
_PREEMPTED_SILENCE = timedelta(days=7)
_SWEEP_BATCH = 500


def mark_silent_runs() -> int:
    """Runs whose client fell silent have crashed, or were preempted and did not come back; a shared run whose other
    writers fell silent has ended as the last writer said. Returns how many.
    """
    now = clock.now()
    running = Run.objects.filter(state=RunState.RUNNING)
    preempting = Run.objects.filter(state=RunState.PREEMPTING)
    silent = [
        (running.filter(exit_code=0), now - _SILENCE_AFTER_A_WRITER, RunState.FINISHED),
        (
            running.exclude(exit_code=0).exclude(exit_code=None),
            now - _SILENCE_AFTER_A_WRITER,
            RunState.FAILED,
        ),
        (running, now - _SILENCE, RunState.CRASHED),
        (preempting, now - _PREEMPTED_SILENCE, RunState.PREEMPTED),
    ]
    return sum(_mark(runs.filter(heartbeat_at__lt=before), into=into) for runs, before, into in silent)


def _mark(silent: QuerySet[Run], *, into: RunState) -> int:
    overdue = silent.order_by("heartbeat_at")
    runs = list(
        overdue.values_list(
            "pk",
            "public_id",
            "project__public_id",
            "project__entity__public_id",
            "project_id",
            "project__entity_id",
        )[:_SWEEP_BATCH]
    )
    marked = 0
    for pk, public_id, project, entity, project_pk, entity_pk in runs:
        with transaction.atomic():
            # The condition is asked again: a heartbeat may have come since.
            # Nobody is left to stop: whoever takes the run up again must not be told to.
            changed = silent.filter(pk=pk).update(
                state=into,
                finished_at=F("heartbeat_at"),
                stop_requested_at=None,
                version=F("version") + 1,
            )
            if changed:
                record(
                    EventKind.RUN_FINISHED,
                    subject=public_id,
                    entity=entity,
                    project=project,
                    by=Actor.system(),
                    state=into.value,
                )
                note_by_ids(
                    Happening.RUN_FINISHED,
                    project_pk=project_pk,
                    entity_pk=entity_pk,
                    entity=entity,
                    project=project,
                    run=public_id,
                    state=into.value,
                )
                marked += 1
    return marked
