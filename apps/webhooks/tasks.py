from __future__ import annotations

import threading

from celery import shared_task

from apps.webhooks import notices, services

# Whoever is sent to may take ten seconds to answer, as often as they like. Of a worker's three threads one is at deliveries at
# most, and another one at exports: the third is there for everybody else's work.
_turn = threading.Lock()
_others_wait = threading.Event()


@shared_task(name="webhooks.deliver")
def deliver(delivery_id: int) -> None:
    """Try one delivery, unless this worker is at one: whoever is, goes on with what came meanwhile."""
    if not _turn.acquire(blocking=False):
        _others_wait.set()
        return
    try:
        _others_wait.clear()
        services.deliver(delivery_id)
        if _others_wait.is_set():
            services.deliver_due()
    finally:
        _turn.release()


@shared_task(name="webhooks.tell_of_trouble")
def tell_of_trouble(hook_id: int) -> None:
    """Mail whoever looks after a webhook that its deliveries are given up."""
    notices.tell_of_trouble(hook_id)


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    """Try what is due, and forget what became of deliveries a month ago."""
    if _turn.acquire(blocking=False):
        try:
            services.deliver_due()
        finally:
            _turn.release()
    services.forget_old()
