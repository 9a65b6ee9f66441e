"""What would be left without an admin if somebody went."""

from __future__ import annotations

from dataclasses import dataclass

from apps.accounts.models import User
from apps.teams.models import Entity, Organisation
from apps.teams.queries.people import Place, is_team, memberships_of
from apps.teams.types import MemberRole


@dataclass(frozen=True, slots=True)
class LastOf:
    """A team or an organisation whose only admin somebody is: it is handed over or erased before they go."""

    name: str
    is_team: bool
    others: int  # people in it beside them, to whom it could be handed over


def last_admin_of(user: User) -> list[LastOf]:
    """Teams first, each by name."""
    held = {"memberships__user": user, "memberships__role": MemberRole.ADMIN.value}
    places: list[Place] = [
        *Entity.objects.filter(**held).order_by("name"),
        *Organisation.objects.filter(**held).order_by("name"),
    ]
    return [
        LastOf(place.name, is_team(place), memberships_of(place).exclude(user=user).count())
        for place in places
        if not _has_another(place, user)
    ]


def _has_another(place: Place, user: User) -> bool:
    admins = memberships_of(place).filter(role=MemberRole.ADMIN.value, user__is_active=True)
    return admins.exclude(user=user).exists()
