from __future__ import annotations

from celery import shared_task

from apps.api.replays import forget_old


@shared_task(name="api.sweep")
def sweep() -> None:
    """Forget the idempotency keys of yesterday."""
    forget_old()
