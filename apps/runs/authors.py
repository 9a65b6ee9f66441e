"""Runs remember nothing of their authors but who they are; what they are called is asked for where it is read.

Somebody may have added a hundred thousand runs, in projects of others who are at work: no transaction holds them all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from django.db import transaction
from django.db.models import F, QuerySet

from apps.runs.models import Run

_AT_ONCE = 500


def forget_authors(user_ids: Collection[int], beat: Callable[[], None]) -> None:
    """The runs that these people added have no author from then on, those of each batch at once. What is done is not found again."""
    for batch in _batches(Run.everything.filter(created_by__in=user_ids)):
        with transaction.atomic():
            # Held in one order, as whoever takes several does.
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
