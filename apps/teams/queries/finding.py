"""Who may be looked up: the people of one's own teams, and nobody else. A directory of all accounts would be one to search."""

from __future__ import annotations

import re

from django.db.models import Q

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.names import as_stored
from apps.teams.choices import SettingName
from apps.teams.gate import those_where
from apps.teams.models import Entity
from apps.teams.queries.entities import teams_of
from apps.teams.queries.settings import effective_of

MOST_FOUND = 50
_PART_OF_NAME = re.compile(r"[a-z0-9_-]{1,39}")


def found_people(actor: Actor, text: str) -> list[User]:
    """People of the actor's teams whose user name begins or ends so, who is called exactly so first.

    Neither the actor nor those who are hidden. Addresses are not looked at.
    """
    text = as_stored(text)
    teams = those_where(actor, Permission.ENTITY_READ, teams_of(actor))
    if actor.user_id is None or not teams or not _PART_OF_NAME.fullmatch(text):
        return []
    known = User.objects.filter(memberships__entity__in=teams, is_service=False, is_active=True)
    alike = known.filter(Q(username__startswith=text) | Q(username__endswith=text)).exclude(pk=actor.user_id)
    people = list(alike.distinct().order_by("username")[:MOST_FOUND])
    hidden = _hidden_among(people)
    return sorted((each for each in people if each.pk not in hidden), key=lambda each: each.username != text)


def person_in_common(actor: Actor, username: str) -> User | None:
    """The one of `found_people` who is called exactly so."""
    return next((each for each in found_people(actor, username) if each.username == username), None)


def teams_in_common(actor: Actor, user: User) -> list[Entity]:
    """The actor's teams that somebody else is in as well."""
    shared = teams_of(actor).filter(pk__in=user.memberships.values("entity"))
    return those_where(actor, Permission.ENTITY_READ, shared)


def _hidden_among(people: list[User]) -> set[int | None]:
    own = list(Entity.objects.filter(user__in=people))
    held = effective_of(own, [SettingName.HIDDEN]) if own else {}
    return {entity.user_id for entity in own if held[entity.pk][SettingName.HIDDEN].is_on}
