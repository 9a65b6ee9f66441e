"""Runs remember nothing of their authors but who they are; tables of runs in memory remember what they are called."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import F

from apps.runs.models import Run


def tell_authors_anew(user_ids: Collection[int]) -> None:
    """Have each run that one of these people added be read again wherever it is listed, from the end of the transaction on: they
    are called something else now, or nothing."""
    runs = Run.everything.filter(created_by__in=user_ids)
    # Held in one order, as whoever takes several does.
    held = list(runs.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(held), 500):
        Run.everything.filter(pk__in=held[start : start + 500]).update(version=F("version") + 1)
