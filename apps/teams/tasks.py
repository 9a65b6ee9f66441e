from __future__ import annotations

from celery import shared_task

from apps.teams.notices import tell_of_place
from apps.teams.services import forget_ended, forget_services_without_a_team


@shared_task(name="teams.sweep")
def sweep() -> None:
    """Drop what has ended: addresses of invitations, later the invitations, and the services of teams that are gone."""
    forget_ended()
    forget_services_without_a_team()


@shared_task(name="teams.tell_of_place")
def tell(user_id: int, team_id: int) -> None:
    """Mail somebody what they are in a team by now."""
    tell_of_place(user_id, team_id)
