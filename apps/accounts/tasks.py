from __future__ import annotations

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore

from apps.accounts.replays import forget_old


@shared_task(name="accounts.sweep")
def sweep() -> None:
    """Drop sessions that have run out, which hold who was signed in, and the idempotency keys of yesterday."""
    SessionStore.clear_expired()
    forget_old()
