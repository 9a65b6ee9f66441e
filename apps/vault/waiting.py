"""Erasures that can still be taken back, as the vault remembers them: it is never put back from an older copy."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from apps.vault.models import Waiting


@dataclass(frozen=True, slots=True)
class Waits:
    """One of them. Public ids and moments: it names nothing."""

    job: str
    scope: str
    asked_by: str
    asked_at: datetime
    due_at: datetime
    things: tuple[str, ...]


def remember_waiting(those: Iterable[Waits]) -> None:
    """Doing it again changes nothing, but that one begins at once."""
    rows = [
        Waiting(
            job=each.job,
            scope=each.scope,
            asked_by=each.asked_by,
            asked_at=each.asked_at,
            due_at=each.due_at,
            things=" ".join(each.things),
        )
        for each in those
    ]
    Waiting.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["job"], update_fields=["due_at"], batch_size=100
    )


def forget_waiting(jobs: Collection[str]) -> None:
    Waiting.objects.filter(job__in=jobs).delete()


def remembered() -> list[Waits]:
    return [
        Waits(row.job, row.scope, row.asked_by, row.asked_at, row.due_at, tuple(row.things.split()))
        for row in Waiting.objects.order_by("asked_at", "job")
    ]


def last_asked_at() -> datetime | None:
    found: datetime | None = Waiting.objects.aggregate(last=Max("asked_at"))["last"]
    return found
