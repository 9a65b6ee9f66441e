from __future__ import annotations

from celery import shared_task

from apps.artifacts import services
from apps.vault.keys import keys_in_use


@shared_task(name="artifacts.sweep")
def sweep() -> None:
    """Uploads that broke off, and what they left."""
    with keys_in_use():
        services.sweep_versions()
