"""How much there is of something, for whoever it belongs to."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from django.db.models import BinaryField, Count, Field, QuerySet, Sum, TextField
from django.db.models.functions import Cast, Coalesce, Length


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of something: things, bytes as they are stored, and when the first of them came."""

    count: int = 0
    stored_bytes: int = 0
    since: datetime | None = None

    def __add__(self, other: Amount) -> Amount:
        moments = [each.since for each in (self, other) if each.since is not None]
        return Amount(
            self.count + other.count, self.stored_bytes + other.stored_bytes, min(moments, default=None)
        )


def counted(count: int, one: str, several: str = "") -> str:
    """So many of these, for commands: their words are English alone."""
    return f"{count} {one if count == 1 else several or one + 's'}"


def amount_of(rows: QuerySet[Any]) -> Amount:
    """How many these rows are, and how long what stands in them is: what is encrypted as it is, the rest as text.

    No row numbers and no keys of other rows. One question.
    """
    told = [
        each for each in rows.model._meta.concrete_fields if not each.primary_key and not each.is_relation
    ]
    size = reduce(operator.add, (Coalesce(_length(each), 0) for each in told))
    found = rows.order_by().aggregate(count=Count("pk"), stored_bytes=Sum(size))
    return Amount(found["count"], found["stored_bytes"] or 0)


def _length(field: Field[Any, Any]) -> Length:
    return Length(field.attname if isinstance(field, BinaryField) else Cast(field.attname, TextField()))
