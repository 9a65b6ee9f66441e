from __future__ import annotations

from celery import shared_task
from django.contrib.sessions.backends.db import SessionStore


@shared_task(name="accounts.sweep")
def sweep() -> None:
    """Drop sessions that have run out: they hold who was signed in."""
    SessionStore.clear_expired()
