from __future__ import annotations

from django.apps import AppConfig


class BlobsConfig(AppConfig):
    name = "apps.blobs"

    def ready(self) -> None:
        from apps.blobs import privacy  # noqa: F401  (declares the fields)
