from __future__ import annotations

from celery import shared_task

from apps.core import background
from apps.runs import services
from apps.runs.history import store
from apps.runs.models import Run


@shared_task(name="runs.compact")
def compact_run(run_id: int) -> None:
    """Turn a run's chunks into segments. A run that is gone needs nothing."""
    run = Run.objects.filter(pk=run_id).first()
    if run is not None:
        store.compact(run)


@shared_task(name="runs.sweep")
def sweep() -> None:
    """Find what is due in the database: runs that fell silent, and runs to compact."""
    services.mark_silent_runs()
    for run_id in store.due_runs():
        background.enqueue("runs.compact", run_id=run_id)
