"""Work that waits and since when, for the operators' page of jobs. Apps above that page tell of theirs by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, QuerySet
from django.utils.functional import Promise
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work: how much waits and since when; None where nobody can tell."""

    name: Promise | str
    count: int | None
    since: datetime | None = None


_tellers: list[str] = []


def tells_of_work(function: str) -> None:
    """Have this function asked for its `Work` too. By its dotted name, so that no start waits for its imports."""
    _tellers.append(function)


def told_from_above() -> list[Work]:
    return [import_string(each)() for each in _tellers]


def work_of(name: Promise | str, rows: QuerySet[object], moment: str) -> Work:  # type: ignore[type-var]
    return Work(name, rows.count(), rows.order_by().aggregate(since=Min(moment))["since"])
