"""How long a version lives: as whoever made it said, or else as its owner has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.artifacts.models import Version
from apps.artifacts.queries.versions import committed
from apps.core import clock
from apps.core.errors import Invalid
from apps.teams.choices import SettingName
from apps.teams.queries import effective, effective_of

if TYPE_CHECKING:
    from apps.teams.models import Entity

# What the client sends instead of a number of seconds.
_INHERITED, _NEVER = -1, -2
_DAY = 24 * 60 * 60


def stored_ttl(wanted: int | None) -> int | None:
    """What is kept of a wish. Nothing and INHERITED: as the owner has it; 0: never."""
    if wanted is None or wanted == _INHERITED:
        return None
    if wanted == _NEVER:
        return 0
    if wanted <= 0:
        raise Invalid(_("How long a version is kept is a number of seconds."))
    return wanted


def end_of(version: Version) -> datetime | None:
    """When a committed version is erased; None: not by itself."""
    begins = _begin_of(version)
    if begins is None:
        return None
    if version.ttl_seconds is not None:
        return begins + timedelta(seconds=version.ttl_seconds) if version.ttl_seconds else None
    held = effective(version.collection.project.entity, SettingName.ARTIFACT_TTL_DAYS)
    return begins + timedelta(days=held.days) if held.days is not None else None


def _begin_of(version: Version) -> datetime | None:
    """From when its life here counts: what was brought from elsewhere begins once its project is there."""
    moments = (version.committed_at, version.collection.project.brought_at)
    return max(filter(None, moments)) if version.committed_at is not None else None


def inherited_ttls(owners: Iterable[Entity]) -> dict[int, int | None]:
    """By the row of each of these owners, after how many seconds versions go of which nobody said how long they live. None: not
    by themselves. One question for all of them."""
    name = SettingName.ARTIFACT_TTL_DAYS
    held = {pk: settings[name].days for pk, settings in effective_of(owners, [name]).items()}
    return {pk: days * _DAY if days is not None else None for pk, days in held.items()}


def older_without_a_word(projects: Iterable[int], days: int) -> QuerySet[Version]:
    """Versions in these projects, by primary key, that were complete so long ago, and of which nobody said how long they live."""
    before = clock.now() - timedelta(days=days)
    here = Q(collection__project__brought_at=None) | Q(collection__project__brought_at__lt=before)
    return committed().filter(
        here, collection__project__in=projects, ttl_seconds=None, committed_at__lt=before
    )


def over_by_their_word() -> dict[tuple[int, int], list[Version]]:
    """Versions whose own time to live is over, by the entity that they lie in and the seconds that somebody gave them."""
    now = clock.now()
    found: dict[tuple[int, int], list[Version]] = defaultdict(list)
    timed = committed().filter(ttl_seconds__gt=0).defer("sealed_words", "collection__sealed_words")
    for version in timed.order_by("pk").iterator():
        begins = _begin_of(version)
        assert version.ttl_seconds is not None and begins is not None
        if begins + timedelta(seconds=version.ttl_seconds) <= now:
            found[version.collection.project.entity_id, version.ttl_seconds].append(version)
    return found
