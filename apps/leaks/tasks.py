from __future__ import annotations

from celery import shared_task

from apps.leaks import services


@shared_task(name="leaks.sweep")
def sweep() -> None:
    """Look for credentials in what came in since, and give another key to runs out of which one was taken."""
    services.renew_due()
    services.scan_due()
