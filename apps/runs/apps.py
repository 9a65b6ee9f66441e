from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "apps.runs"

    def ready(self) -> None:
        import_module("apps.runs.privacy")
