"""A month is counted once it is over, and released once. Nothing of what is counted is written anywhere on the way.

Counts live in the memory of the worker that makes them. When it dies they are gone, and the next sweep counts anew: as nothing
was released, nothing was spent. That a month was released stands in the vault, which no backup of the main database overwrites.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock
from apps.core.pauses import is_over
from apps.statistics.models import Figure, Release
from apps.statistics.names import listed
from apps.statistics.noise import cost_of, released
from apps.statistics.queries import SPENT, is_spent, was_there
from apps.statistics.reading import contribution_of
from apps.statistics.types import (
    PARAMETERS,
    Parameters,
    due_at,
    month_before,
    month_of,
    ordinal,
)
from apps.teams.queries.counting import next_counted
from apps.vault.heads import keep_head
from apps.vault.tree import keys_in_use

_PEOPLE_A_BEAT = 50
_PATIENCE = timedelta(minutes=10)  # longer than the files of so many people take
# The vault keeps a number for us; it has no chain of ours to bind it to.
_NO_DIGEST = "0" * 64

log = logging.getLogger(__name__)


class _Taken(Exception):
    """Another worker counts this month, for this one was silent too long."""


def release_due() -> Release | None:
    """Release the month before this one, when it is time, nobody did and nobody is at it."""
    month = month_before(month_of(clock.now()))
    if month != _last_due(clock.now()) or is_spent(month) or not was_there(month):
        return None
    release = _claimed(month, PARAMETERS)
    if release is None:
        return None
    try:
        counts = _counts(month, PARAMETERS, lambda: _beat(release))
    except _Taken:
        return None
    return _publish(release, counts, PARAMETERS)


def spend_due() -> None:
    """Take every month that is due for released. After a restore nobody knows which were: of what was lost with the instance
    people may have seen a month, and with other noise a second time it would tell more than it may."""
    month = _last_due(clock.now())
    if not is_spent(month):
        _spend(month)


def _last_due(now: datetime) -> date:
    month = month_before(month_of(now))
    return month if now >= due_at(month) else month_before(month)


def _spend(month: date) -> None:
    keep_head(SPENT, number=ordinal(month), sha256_hex=_NO_DIGEST)


def _claimed(month: date, parameters: Parameters) -> Release | None:
    now = clock.now()
    release, _ = Release.objects.get_or_create(month=month, defaults=_facts(parameters))
    free = is_over("busy_until", now, longest=2 * _PATIENCE)
    mine = Release.objects.filter(free, pk=release.pk, released_on=None)
    release.busy_until = now + _PATIENCE
    return release if mine.update(busy_until=release.busy_until) else None


def _facts(parameters: Parameters) -> dict[str, Any]:
    """What stands beside the figures."""
    epsilon, delta = cost_of(parameters)
    return {
        "libraries": parameters.libraries,
        "epsilon": epsilon,
        "delta": delta,
        "minimum": parameters.minimum,
        "names_on": listed().date,
    }


def _beat(release: Release) -> None:
    """Say that this worker lives; stop when another took its place."""
    before, release.busy_until = release.busy_until, clock.now() + _PATIENCE
    mine = Release.objects.filter(pk=release.pk, released_on=None, busy_until=before)
    if not mine.update(busy_until=release.busy_until):
        raise _Taken


def _counts(month: date, parameters: Parameters, beat: Callable[[], None]) -> Counter[str]:
    """Of each library, how many people; of each person at most as many libraries as the noise is made for."""
    counts: Counter[str] = Counter()
    for number, user in enumerate(_people(), start=1):
        counts.update(_drawn(_libraries_of(Actor.person(user), month), parameters.libraries))
        if number % _PEOPLE_A_BEAT == 0:
            beat()
    return counts


def _people() -> Iterator[User]:
    """Each is asked for when it is their turn: of whoever switches it off before nothing is opened."""
    after = 0
    while (user := next_counted(after)) is not None:
        yield user
        after = user.pk


def _libraries_of(person: Actor, month: date) -> list[str]:
    try:
        with keys_in_use():
            return contribution_of(person, month).libraries
    except Exception as error:  # noqa: BLE001  (one whose runs cannot be read must not keep a month from everybody)
        log.warning("not counted: person=%s error=%s", person.audit_id, type(error).__name__)
        return []


def _drawn(libraries: list[str], most: int) -> set[str]:
    """At most so many of them, by lot: any rule that looks at what others use would tell of others."""
    if len(libraries) <= most:
        return set(libraries)
    return set(secrets.SystemRandom().sample(libraries, most))


def _publish(release: Release, counts: Counter[str], parameters: Parameters) -> Release | None:
    """Spend the month, then write the figures down. Dying in between leaves a month without figures, never one released twice."""
    with transaction.atomic():
        held = Release.objects.select_for_update().get(pk=release.pk)
        if held.released_on is not None or is_spent(held.month):
            return None
        # In this order: noise that anybody could have seen is noise that was spent.
        _spend(held.month)
        figures = released(counts, parameters)
        Figure.objects.bulk_create(
            Figure(release=held, library=name, users=users) for name, users in sorted(figures.items())
        )
        # Once more: another version of this code may have begun.
        done = _facts(parameters) | {"released_on": clock.now().astimezone(UTC).date(), "busy_until": None}
        Release.objects.filter(pk=held.pk).update(**done)
        held.refresh_from_db()
    return held
