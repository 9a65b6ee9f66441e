from __future__ import annotations

from celery import shared_task

from apps.artifacts import services
from apps.artifacts.models import Version
from apps.vault.keys import keys_in_use


@shared_task(name="artifacts.clear")
def clear(version_id: int) -> None:
    """Take away what is left of a deleted version. What is too much for once the sweep does."""
    version = Version.objects.select_related("collection").filter(pk=version_id).first()
    if version is not None:
        services.clear_version(version)


@shared_task(name="artifacts.sweep")
def sweep() -> None:
    """Uploads that broke off, versions whose time is over, and what deleted ones left."""
    with keys_in_use():
        services.sweep_versions()
