from __future__ import annotations

import logging

from celery import shared_task

from apps.runs import services
from apps.runs.history import store
from apps.runs.models import Run

log = logging.getLogger(__name__)


@shared_task(name="runs.compact")
def compact_run(run_id: int) -> None:
    """Turn a run's chunks into segments. A run that is gone needs nothing."""
    run = Run.objects.filter(pk=run_id).first()
    if run is not None:
        store.compact(run)


@shared_task(name="runs.sweep")
def sweep() -> None:
    """Find what is due in the database and do it here, for messages may be lost: silent runs, and runs to compact."""
    services.mark_silent_runs()
    for run_id in store.due_runs():
        try:
            compact_run(run_id)
        except Exception as error:  # noqa: BLE001  (one run that cannot be compacted must not keep the others waiting)
            log.warning(
                "not compacted, tried again at the next sweep: run=%s error=%s", run_id, type(error).__name__
            )
