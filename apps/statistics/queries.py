"""What was released, for whoever is signed in; and what one adds oneself, for nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db.models import Prefetch, QuerySet

from apps.accounts.actors import Actor
from apps.core import clock
from apps.core.errors import NotFound
from apps.statistics.models import Figure, Release
from apps.statistics.reading import contribution_of
from apps.statistics.types import Contribution, begin_of, month_before, month_of, next_month, ordinal
from apps.teams.models import Entity
from apps.teams.queries.counting import counted_entities
from apps.vault.heads import kept_head

if TYPE_CHECKING:
    from apps.accounts.models import User

SPENT = "statistics"  # what the vault calls the number of the last month that was released
MOST_MONTHS = 24
_NOTHING = "There are no such statistics."


def releases(actor: Actor) -> list[Release]:
    """What was released, the newest first, each with its figures, the largest first."""
    _require_signed_in(actor)
    return list(_with_figures()[:MOST_MONTHS])


def months_released(actor: Actor) -> list[date]:
    """Which months were released, the newest first."""
    _require_signed_in(actor)
    rows = _released().order_by("-month")
    return list(rows.values_list("month", flat=True)[:MOST_MONTHS])


def get_release(actor: Actor, *, month: date) -> Release:
    """One month with its figures; NotFound while it is not released."""
    _require_signed_in(actor)
    found = _with_figures().filter(month=month).first()
    if found is None:
        raise NotFound(_NOTHING)
    return found


def own_contributions(actor: Actor) -> list[Contribution]:
    """What would be drawn from if each month that is still open were released now. Nothing is read of who is not counted."""
    if not is_counted(actor):
        return []
    return [contribution_of(actor, month) for month in open_months()]


def contributions_to_tell(person: User) -> dict[str, Any]:
    """The same for the export of the person's account: nothing of it is kept, so it is read for this."""
    actor = Actor.person(person)
    return {
        "is_counted": is_counted(actor),
        "open_months": [
            {"month": each.month.isoformat()[:7], "libraries": each.libraries, "files_read": each.files}
            for each in own_contributions(actor)
        ],
    }


def is_counted(actor: Actor) -> bool:
    """Has the actor switched it on for themselves? Asked of their own entity, whatever a key is good for."""
    return actor.user_id is not None and counted_entities().filter(user_id=actor.user_id).exists()


def open_months() -> Sequence[date]:
    """The months that will still be released: this one, and the one before until it was."""
    this = month_of(clock.now())
    before = month_before(this)
    return [this, before] if was_there(before) and not is_spent(before) else [this]


def was_there(month: date) -> bool:
    """Was there anybody on this instance then? A new one says nothing of the time before it."""
    return Entity.objects.filter(created_at__lt=begin_of(next_month(month))).exists()


def is_spent(month: date) -> bool:
    """Was this month released, or a later one? Then it never is again."""
    kept = kept_head(SPENT)
    return kept is not None and kept.number >= ordinal(month)


def _released() -> QuerySet[Release]:
    return Release.objects.filter(released_on__isnull=False)


def _with_figures() -> QuerySet[Release]:
    figures = Prefetch("figures", Figure.objects.order_by("-users", "library"))
    return _released().prefetch_related(figures).order_by("-month")


def _require_signed_in(actor: Actor) -> None:
    if not actor.is_signed_in:
        raise NotFound(_NOTHING)
