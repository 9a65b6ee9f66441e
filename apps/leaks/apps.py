from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class LeaksConfig(AppConfig):
    name = "apps.leaks"

    def ready(self) -> None:
        import_module("apps.leaks.privacy")
