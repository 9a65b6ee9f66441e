from __future__ import annotations

from celery import shared_task

from apps.blobs import sweeps


@shared_task(name="blobs.sweep_orphans")
def sweep_orphans() -> None:
    """Clear away what broken-off uploads and deletions left."""
    sweeps.sweep_orphans()
