from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from celery import shared_task

from apps.webhooks import notices, services

# Whoever is sent to may take ten seconds to answer, as often as they like. Of a worker's four threads one is at deliveries at
# most, another one at exports and one at imports: the fourth is there for everybody else's work.
_turn = threading.Lock()
_others_wait = threading.Event()


@shared_task(name="webhooks.deliver")
def deliver(delivery_id: int) -> None:
    """Try one delivery, unless this worker is at one: whoever is, goes on with what came meanwhile."""
    if not _turn.acquire(blocking=False):
        _others_wait.set()
        # Asked again: whoever had the turn may have looked for others just before that was said.
        if not _turn.acquire(blocking=False):
            return
    _use_turn(partial(services.deliver, delivery_id))


def _use_turn(act: Callable[[], object]) -> None:
    """Do this with the turn that was just taken, then what others left behind. They are looked for when the turn is free again: who
    finds it taken has said so before, or finds it free."""
    while True:
        try:
            act()
        finally:
            _turn.release()
        if not _others_wait.is_set() or not _turn.acquire(blocking=False):
            return
        _others_wait.clear()
        act = services.deliver_due


@shared_task(name="webhooks.tell_of_trouble")
def tell_of_trouble(hook_id: int) -> None:
    """Mail whoever looks after a webhook that its deliveries are given up."""
    notices.tell_of_trouble(hook_id)


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    """Try what is due, and forget what became of deliveries a month ago."""
    if _turn.acquire(blocking=False):
        _use_turn(services.deliver_due)
    services.forget_old()
