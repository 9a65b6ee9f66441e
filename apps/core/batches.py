"""Changes of more rows than one transaction should hold: others are at work on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet

AT_ONCE = 500
M = TypeVar("M", bound=Model)


def change(rows: QuerySet[M], beat: Callable[[], None], **changes: Any) -> None:
    """Change these rows, those of each batch at once, and say so behind each. They are rows that are not found so any more once they are
    changed: whoever dies on the way is followed by somebody who goes on."""
    every = rows.model._base_manager
    for batch in pages(rows):
        with transaction.atomic():
            # Held in one order, as whoever takes several does.
            held = every.select_for_update(no_key=True).filter(pk__in=batch).order_by("pk")
            every.filter(pk__in=list(held.values_list("pk", flat=True))).update(**changes)
        beat()


def pages(rows: QuerySet[M]) -> Iterator[list[int]]:
    """The numbers of these rows, in order."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        last = batch[-1]
        yield batch
