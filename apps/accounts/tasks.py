from __future__ import annotations

from celery import shared_task

from apps.accounts.replays import forget_old
from apps.accounts.sessions import forget_ended
from apps.accounts.tallies import forget_old_tallies


@shared_task(name="accounts.sweep")
def sweep() -> None:
    """Drop sessions that have run out, the idempotency keys of yesterday and counts of tries that no longer matter."""
    forget_ended()
    forget_old()
    forget_old_tallies()
