from __future__ import annotations

from celery import shared_task

from apps.teams.notices import tell_of_place
from apps.teams.services import forget_ended


@shared_task(name="teams.sweep")
def sweep() -> None:
    """Drop the addresses of invitations that have run out, and a while later the invitations themselves."""
    forget_ended()


@shared_task(name="teams.tell_of_place")
def tell(user_id: int, team_id: int) -> None:
    """Mail somebody what they are in a team by now."""
    tell_of_place(user_id, team_id)
