"""How long versions live as their owners have it: asked for when the first one is told, and then of all that were listed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.artifacts.queries import inherited_ttls

if TYPE_CHECKING:
    from apps.artifacts.models import Version
    from apps.teams.models import Entity

_FOREVER = -2  # the client wants a number


@dataclass(slots=True)
class Lives:
    """What one request knows of it."""

    _waiting: dict[int, Entity] = field(default_factory=dict)
    _known: dict[int, int | None] = field(default_factory=dict)

    def expect(self, owners: Iterable[Entity]) -> None:
        """Versions of these are in the answer, perhaps with how long they live."""
        self._waiting |= {each.pk: each for each in owners if each.pk not in self._known}

    def seconds(self, version: Version) -> int:
        """As whoever made it said, or else as its owner has it."""
        if version.ttl_seconds is not None:
            return version.ttl_seconds or _FOREVER
        owner = version.collection.project.entity
        if owner.pk not in self._known:
            self.expect([owner])
            self._known |= inherited_ttls(self._waiting.values())
            self._waiting.clear()
        return self._known[owner.pk] or _FOREVER
