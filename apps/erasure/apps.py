from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ErasureConfig(AppConfig):
    name = "apps.erasure"

    def ready(self) -> None:
        import_module("apps.erasure.privacy")
