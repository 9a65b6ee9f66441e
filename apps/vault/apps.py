from __future__ import annotations

from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "apps.vault"

    def ready(self) -> None:
        from apps.vault import privacy  # noqa: F401  (declares the fields)
