from __future__ import annotations

import logging
import threading

from celery import shared_task

from apps.exports import notices, services

log = logging.getLogger(__name__)
# A worker has four threads. At most one of them is at exports, one at imports and one at webhooks: the fourth is there for all other work.
_turn = threading.Lock()


@shared_task(name="exports.advance")
def advance(export_id: int) -> None:
    """Go on with one export, unless this worker is at one: whoever ends a turn wakes the next."""
    if not _turn.acquire(blocking=False):
        return
    try:
        services.advance(export_id)
    finally:
        _turn.release()


@shared_task(name="exports.tell")
def tell(export_id: int) -> None:
    """Tell who asked that it is ready, or failed."""
    notices.tell_of_export(export_id)


@shared_task(name="exports.sweep")
def sweep() -> None:
    """Go on with exports that stand still: their message was lost, or their worker."""
    for export_id in services.due_exports():
        try:
            advance(export_id)
        except Exception as error:  # noqa: BLE001  (one that cannot be finished must not keep the others waiting)
            log.error("export broke off: export=%s error=%s", export_id, type(error).__name__)
