"""Holding many runs at once: in the one order in which everybody does, so that nobody waits for somebody who waits for them."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.runs.models import Run


def hold_runs(runs: QuerySet[Run]) -> list[int]:
    """Hold these to the end of the transaction, by their primary key; which they are.

    Before an UPDATE or a DELETE of many, which takes them in the order in which they lie: where they lie changes whenever
    one of them does.
    """
    return list(runs.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))
