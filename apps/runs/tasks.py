from __future__ import annotations

import logging
import time

from celery import shared_task

from apps.core.space import give_back_space
from apps.runs import silence
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.notices import Outcome, alerts_to_tell, tell_of_alert
from apps.runs.types import RunState

log = logging.getLogger(__name__)
# A mail server that does not answer costs whoever asks it ten seconds: for so long only the sweep asks, once each time.
_REST_SECONDS = 60.0


class _Mail:
    """What this worker knows of the mail server."""

    rests_until = 0.0


@shared_task(name="runs.compact")
def compact_run(run_id: int, *, if_full: bool = False) -> None:
    """Turn a run's chunks into segments. A run that is gone needs nothing.

    With `if_full` only when much waits: of a run that sends fast many messages wait behind the one that is at work, and
    each would make a file of the few lines that came in since, which every reader would have to open.
    """
    run = Run.objects.filter(pk=run_id).first()
    if run is not None and (not if_full or run.state in RunState.closed() or store.is_full(run)):
        store.compact(run)


@shared_task(name="runs.tell_of_alert")
def tell(alert_id: int, base: str = "") -> None:
    """Mail whom an alert concerns; the sweep does where the server has just not answered."""
    if time.monotonic() >= _Mail.rests_until:
        _tell(alert_id, base=base)


def _tell(alert_id: int, *, base: str = "") -> bool:
    """False when the server takes nobody's mail: it is left alone for a while."""
    if tell_of_alert(alert_id, base=base) is not Outcome.NO_SERVER:
        return True
    _Mail.rests_until = time.monotonic() + _REST_SECONDS
    return False


@shared_task(name="runs.sweep")
def sweep() -> None:
    """Find what is due in the database and do it here, for messages may be lost: silent runs, alerts that nobody was told of, and
    runs to compact."""
    silence.mark_silent_runs()
    for alert_id in alerts_to_tell():
        if not _tell(alert_id):
            break
    for run_id in store.due_runs():
        try:
            compact_run(run_id)
        except Exception as error:  # noqa: BLE001  (one run that cannot be compacted must not keep the others waiting)
            log.warning(
                "not compacted, tried again at the next sweep: run=%s error=%s", run_id, type(error).__name__
            )
    give_back_space()
