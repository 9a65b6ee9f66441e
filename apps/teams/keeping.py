"""What an organisation kept to its teams' own people, when it keeps it no more. Projects are known to an app above this one."""

from __future__ import annotations

from collections.abc import Callable, Collection

from apps.accounts.actors import Actor
from apps.teams.models import Entity

Follower = Callable[[Collection[Entity], Actor], None]

_followers: list[Follower] = []


def follow_when_kept_no_more(follower: Follower) -> None:
    """Have `follower` called in the transaction in which an organisation stops keeping what these entities have."""
    _followers.append(follower)


def kept_no_more(entities: Collection[Entity], *, by: Actor) -> None:
    for follower in _followers:
        follower(entities, by)
