from __future__ import annotations

from celery import shared_task

from apps.statistics import services


@shared_task(name="statistics.sweep")
def sweep() -> None:
    """Release the figures of the month before, when it is time and nobody did."""
    services.release_due()
