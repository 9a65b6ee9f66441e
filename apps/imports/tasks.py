from __future__ import annotations

import logging
import threading

from celery import shared_task

from apps.imports import handed_in, notices, services

log = logging.getLogger(__name__)
# At most one of a worker's threads is at imports: others are there for everybody else's work (config/launch/worker).
_turn = threading.Lock()


@shared_task(name="imports.advance")
def advance(import_id: int) -> None:
    """Go on with one import, unless this worker is at one: whoever ends a turn wakes the next."""
    if not _turn.acquire(blocking=False):
        return
    try:
        handed_in.advance(import_id)
    finally:
        _turn.release()


@shared_task(name="imports.tell")
def tell(import_id: int) -> None:
    """Tell who asked that it is done, or was given up."""
    notices.tell_of_import(import_id)


@shared_task(name="imports.sweep")
def sweep() -> None:
    """Go on with imports that stand still: their message was lost, or their worker."""
    handed_in.forget_what_is_over()
    services.erase_what_was_left()
    for import_id in handed_in.due_imports():
        try:
            advance(import_id)
        except Exception as error:  # noqa: BLE001  (one that cannot be finished must not keep the others waiting)
            log.error("import broke off: import=%s error=%s", import_id, type(error).__name__)
