from __future__ import annotations

from celery import shared_task

from apps.teams.services import forget_ended


@shared_task(name="teams.sweep")
def sweep() -> None:
    """Drop the addresses of invitations that have run out, and a while later the invitations themselves."""
    forget_ended()
