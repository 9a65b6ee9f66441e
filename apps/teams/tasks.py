from __future__ import annotations

from celery import shared_task

from apps.teams.key_networks import forget_networks
from apps.teams.notices import tell_of_key, tell_of_place
from apps.teams.services import forget_ended, forget_services_without_a_team


@shared_task(name="teams.sweep")
def sweep() -> None:
    """Drop what has ended: invitations and first their addresses, services of teams that are gone, where keys were used."""
    forget_ended()
    forget_services_without_a_team()
    forget_networks()


@shared_task(name="teams.tell_of_place")
def tell(user_id: int, team_id: int, base: str = "") -> None:
    """Mail somebody what they are in a team by now."""
    tell_of_place(user_id, team_id, base=base)


@shared_task(name="teams.tell_of_key")
def tell_of_a_key(key: str, base: str = "") -> None:
    """Mail somebody that a key of theirs was used from a new network."""
    tell_of_key(key, base=base)
