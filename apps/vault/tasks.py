from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from apps.core import clock
from apps.vault import orphans


@shared_task(name="vault.sweep_orphans")
def sweep_orphans() -> None:
    """Take away keys whose owner was never written, a day after they were made."""
    orphans.sweep_orphans(before=clock.now() - timedelta(days=1))
