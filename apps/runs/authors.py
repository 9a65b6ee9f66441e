"""Runs remember nothing of their authors but who they are; tables of runs in memory remember what they are called.

Somebody may have added a hundred thousand runs, in projects of others who are at work: no request and no transaction holds
them all. What is due stands with the person (`User.named_anew_at`), so a worker that dies is followed by one that begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from django.db import transaction
from django.db.models import F, QuerySet

from apps.accounts.models import User
from apps.runs.models import Run

_AT_ONCE = 500
_MOST_PEOPLE = 20


def authors_to_tell() -> list[int]:
    """Whose runs are to be read again, for the sweep."""
    due = User.objects.exclude(named_anew_at=None).order_by("named_anew_at")
    return list(due.values_list("pk", flat=True)[:_MOST_PEOPLE])


def tell_authors_anew(user_id: int) -> None:
    """Have each run that this person added be read again wherever it is listed, for they are called something else now. Twice does
    no harm; where their name has changed again meanwhile it is due once more."""
    due = User.objects.filter(pk=user_id).exclude(named_anew_at=None)
    moment = due.values_list("named_anew_at", flat=True).first()
    if moment is None:
        return
    for batch in _batches(Run.everything.filter(created_by=user_id)):
        with transaction.atomic():
            # Held in one order, as whoever takes several does.
            held = Run.everything.select_for_update(no_key=True).filter(pk__in=batch).order_by("pk")
            Run.everything.filter(pk__in=list(held.values_list("pk", flat=True))).update(
                version=F("version") + 1
            )
    due.filter(named_anew_at=moment).update(named_anew_at=None)


def forget_authors(user_ids: Collection[int], beat: Callable[[], None]) -> None:
    """The runs that these people added have no author from then on, those of each batch at once. What is done is not found again."""
    for batch in _batches(Run.everything.filter(created_by__in=user_ids)):
        with transaction.atomic():
            held = Run.everything.select_for_update(no_key=True).filter(pk__in=batch).order_by("pk")
            Run.everything.filter(pk__in=list(held.values_list("pk", flat=True))).update(
                created_by=None, version=F("version") + 1
            )
        beat()


def _batches(runs: QuerySet[Run]) -> Iterator[list[int]]:
    last = 0
    while batch := list(runs.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        last = batch[-1]
        yield batch
